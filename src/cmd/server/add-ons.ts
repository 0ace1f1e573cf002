/** Objects that a cluster has besides what its components make: each is made by an account that may do just that. @module */
import { pause, type Clock, type Logger } from "#apimachinery";

export interface AddOn {
  /** `the Service kube-dns`. */
  readonly what: string;
  /** Makes what is missing. Safe to run twice. */
  readonly ensure: (signal: AbortSignal) => Promise<void>;
}

const RETRY_MIN_MS = 1000;
/** An authorizer that knows nothing of these accounts refuses them for as long as it likes; the server runs without. */
const RETRY_MAX_MS = 60_000;

/** Tries each once, all at the same time; gives those that failed. */
export async function ensureAddOns(
  addOns: readonly AddOn[],
  logger: Logger,
  signal: AbortSignal,
): Promise<readonly AddOn[]> {
  const results = await Promise.allSettled(addOns.map(({ ensure }) => ensure(signal)));
  if (signal.aborted) return [];
  return addOns.filter(({ what }, at) => {
    const result = results[at]!;
    if (result.status === "rejected")
      logger.warn("Could not make a part of the cluster", { what, err: result.reason });
    return result.status === "rejected";
  });
}

/** Until all are there, or `signal` aborts. */
export async function keepTrying(
  missing: readonly AddOn[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  let left = missing;
  for (let delayMs = RETRY_MIN_MS; left.length > 0; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    await pause(clock, delayMs, signal);
    if (signal.aborted) return;
    left = await ensureAddOns(left, logger, signal);
  }
}
