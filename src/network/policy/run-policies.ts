/** Keeps this node's nftables in step with NetworkPolicies, Pods and Namespaces. @module */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import type { NftFamily } from "../address-family.ts";
import type { NetworkTools } from "../network-tools.ts";
import { PolicyChanges } from "./policy-changes.ts";
import { PolicyTable } from "./policy-table.ts";

export interface PolicyOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: Pick<NetworkTools, "nft">;
  readonly nodeName: string;
  readonly nft: NftFamily;
}

/** Changes that come within this time share a transaction. */
const BATCH_MS = 5;
/** After a failure the whole table is written anew, at growing intervals. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** Resolves when `signal` aborts. The rules stay: pods are protected while the agent restarts. */
export async function runPolicies(options: PolicyOptions, signal: AbortSignal): Promise<void> {
  const { informers, clock, logger, tools } = options;
  const table = new PolicyTable(tools, options.nft);
  const changes = new PolicyChanges(options);
  informers.start(signal);
  await informers.waitForSync(signal);

  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const known = changes.knownPods(); // first: a pod that comes to be known while plans are made is in none of them
    const plans = await changes.take(table.isDamaged);
    try {
      await table.commit(plans, known, signal);
      retryMs = RETRY_MS;
      await changes.next(signal);
      await clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) return;
      const message = "could not apply network policies; the whole table will be written again";
      logger.error(message, { err, retryMs });
      await pause(clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }
}
