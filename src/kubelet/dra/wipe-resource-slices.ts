/** Takes back what drivers offer on this node, when they are not there to give it. @module */
import { type Clock, isNotFound, type Logger, pause } from "#apimachinery";
import { ResourceSlices } from "#api/resource/v1/resourceslice";
import type { Client } from "#client";

export interface WipeTools {
  readonly client: Pick<Client, "deleteCollection">;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeName: string;
  /** The node is known to the API: before that it has no right to delete. */
  readonly isRegistered: () => boolean;
}

/** As upstream's back-off. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 300_000;
const JITTER = 0.2;

/** Of one driver, or of all. Tries until it succeeds or `signal` aborts; never rejects. */
export async function wipeResourceSlices(
  tools: WipeTools,
  driver: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = tools;
  for (let delayMs = RETRY_MIN_MS; !signal.aborted; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    if (tools.isRegistered() && (await wipe(tools, driver, signal))) return;
    await pause(clock, delayMs * (1 + JITTER * random()), signal);
  }
}

async function wipe(
  { client, logger, nodeName }: WipeTools,
  driver: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const ofDriver = driver === undefined ? "" : `,spec.driver=${driver}`;
  const fieldSelector = `spec.nodeName=${nodeName}${ofDriver}`;
  try {
    await client.deleteCollection(ResourceSlices, { fieldSelector }, signal);
    logger.debug("Deleted ResourceSlices", { fieldSelector });
    return true;
  } catch (err) {
    if (signal.aborted || isNotFound(err)) return true;
    logger.warn("Deleting ResourceSlices failed", { fieldSelector, err });
    return false;
  }
}
