/** Failures that come from a server that cannot be reached: told once a minute, however many wait for it. @module */
import { type Clock, type LogFields, type Logger, reasonOf } from "#apimachinery";

/** No connection could be made, or it ended before the answer did. Trying again is all there is to do. */
export class UnreachableError extends Error {
  override readonly name: string = "UnreachableError";
}

/** The system's names for the same. Others, such as a certificate that is refused, want somebody to look. */
const CODES: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENETUNREACH",
  "ENETDOWN",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** An answer, whatever it says, comes from a server that is there. */
export function isUnreachable(err: unknown): boolean {
  if (reasonOf(err) !== undefined) return false;
  for (let at = err; at instanceof Error; at = at.cause) {
    if (at instanceof UnreachableError || CODES.has((at as NodeJS.ErrnoException).code)) return true;
  }
  return false;
}

export interface FailureLog {
  /** Whose requests fail: all that share a client share one line. */
  readonly client: object;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly logger: Logger;
}

const PERIOD_MS = 60_000;
/** When it was last said of a client's server that it cannot be reached. */
const saidMs = new WeakMap<object, number>();

/** Warns of a failed request. While there is no server, it is one short line a minute instead, and details at debug. */
export function logFailure(
  { client, clock, logger }: FailureLog,
  message: string,
  fields: LogFields & { readonly err: unknown },
): void {
  const { err, ...rest } = fields;
  if (!isUnreachable(err)) return logger.warn(message, fields);
  const reason = (err as Error).message;
  const nowMs = clock.monotonicMs();
  const last = saidMs.get(client);
  if (last !== undefined && nowMs - last < PERIOD_MS) return logger.debug(message, { ...rest, reason });
  saidMs.set(client, nowMs);
  logger.info("The API server cannot be reached, trying again", { reason });
}

/** A logger whose warnings with an `err` go through `logFailure`, for a component full of requests that are tried again. */
export function quietLogger(log: FailureLog): Logger {
  const { logger } = log;
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warn(message, fields) {
      if (fields?.["err"] === undefined) logger.warn(message, fields);
      else logFailure(log, message, { ...fields, err: fields["err"] });
    },
    error: (message, fields) => logger.error(message, fields),
    child: (fields) => quietLogger({ ...log, logger: logger.child(fields) }),
  };
}
