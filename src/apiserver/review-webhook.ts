/** A webhook that answers reviews (of tokens, of access): reached by a kubeconfig, asked again when it stumbles. @module */
import { reasonOf, type Clock } from "#apimachinery";
import { clientConfigOf, loadKubeconfig, newHttpTransport, type HttpTransport } from "#client/node";

export interface ReviewWebhook {
  /** The review with its status. Rejects with what went wrong. */
  ask(review: object, signal: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

export interface ReviewWebhookOptions {
  /** A kubeconfig file whose current context is the webhook; its server's path is where reviews are posted. */
  readonly kubeconfig: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Default 30 s, as upstream. */
  readonly timeoutMs?: number;
  /** Before the second try. Default 500 ms. */
  readonly backoffMs?: number;
}

const TIMEOUT_MS = 30_000;
/** Upstream's backoff. */
const TRIES_MAX = 5;
const BACKOFF_MS = 500;
const BACKOFF_FACTOR = 1.5;
const BACKOFF_JITTER = 0.2;
const RETRIED: ReadonlySet<string> = new Set(["InternalError", "Timeout", "TooManyRequests"]);

/** Throws when the kubeconfig cannot be read. */
export async function openReviewWebhook(options: ReviewWebhookOptions): Promise<ReviewWebhook> {
  const { kubeconfig, clock, random, timeoutMs = TIMEOUT_MS } = options;
  const config = clientConfigOf(await loadKubeconfig({ explicitPath: kubeconfig, env: {}, homeDir: "" }), {});
  const transport = newHttpTransport(config, { clock, random, requestTimeoutMs: timeoutMs });
  const path = new URL(config.server).pathname.replace(/\/+$/, "") === "" ? "/" : "";
  return {
    ask: (review, signal) => ask(transport, path, review, options, signal),
    close: () => transport.close(),
  };
}

async function ask(
  transport: HttpTransport,
  path: string,
  body: object,
  { clock, random, backoffMs = BACKOFF_MS }: ReviewWebhookOptions,
  signal: AbortSignal,
): Promise<unknown> {
  let delayMs = backoffMs;
  for (let tries = 1; ; tries++) {
    try {
      return (await transport.request({ method: "POST", path, body }, signal)).body;
    } catch (err) {
      signal.throwIfAborted();
      if (tries === TRIES_MAX || !isRetried(err)) throw err;
    }
    await clock.sleep(delayMs * (1 + BACKOFF_JITTER * random()), signal);
    delayMs *= BACKOFF_FACTOR;
  }
}

function isRetried(err: unknown): boolean {
  const reason = reasonOf(err);
  if (reason !== undefined) return RETRIED.has(reason);
  return (err as { readonly code?: string }).code === "ECONNRESET";
}
