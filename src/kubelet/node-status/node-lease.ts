/** The node's heartbeat: a Lease in kube-node-lease that is renewed four times per duration. @module */
import { type Clock, formatMicroTime, isConflict, isNotFound, type Logger, pause } from "#apimachinery";
import type { Client } from "#client";
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";

export interface NodeLeaseOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Owns the lease, so that it goes with the node. */
  readonly nodeUid: () => string | undefined;
  readonly durationSeconds: number;
}

const NAMESPACE = "kube-node-lease";
const RENEW_FRACTION = 0.25;
const JITTER = 0.04;
const RETRY_MS = 200;
const RETRY_MAX_MS = 7000;

/** Runs until `signal` aborts. */
export async function keepNodeLease(options: NodeLeaseOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, logger, durationSeconds } = options;
  let known: Lease | undefined;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    let delayMs = durationSeconds * 1000 * RENEW_FRACTION * (1 + JITTER * random());
    try {
      known = await renew(options, known, signal);
      retryMs = RETRY_MS;
    } catch (err) {
      if (signal.aborted) return;
      known = undefined;
      // Somebody else's write is no failure: read and write again at once.
      if (!isConflict(err)) logger.warn("Failed to update the node's lease, will retry", { err });
      delayMs = retryMs;
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
    await pause(clock, delayMs, signal);
  }
}

async function renew(
  options: NodeLeaseOptions,
  known: Lease | undefined,
  signal: AbortSignal,
): Promise<Lease> {
  const { client, nodeName } = options;
  if (known !== undefined) return client.update(Leases, refreshed(options, known), signal);
  let found: Lease;
  try {
    found = await client.get(Leases, { namespace: NAMESPACE, name: nodeName }, signal);
  } catch (err) {
    if (!isNotFound(err)) throw err;
    return client.create(Leases, refreshed(options, undefined), signal);
  }
  return client.update(Leases, refreshed(options, found), signal);
}

function refreshed(options: NodeLeaseOptions, old: Lease | undefined): Lease {
  const { nodeName, nodeUid, durationSeconds, clock } = options;
  const uid = nodeUid();
  const owners = old?.metadata.ownerReferences ?? [];
  const owner = uid === undefined ? [] : [{ apiVersion: "v1", kind: "Node", name: nodeName, uid }];
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      ...(old?.metadata ?? { name: nodeName, namespace: NAMESPACE }),
      ...((owners.length > 0 || owner.length > 0) && { ownerReferences: owners.length > 0 ? owners : owner }),
    },
    spec: {
      holderIdentity: nodeName,
      leaseDurationSeconds: durationSeconds,
      renewTime: formatMicroTime(clock.now()),
    },
  };
}
