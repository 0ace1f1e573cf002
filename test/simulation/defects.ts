/** A logger that lets no error pass which a retry would hide: what a server may answer is ordinary, anything else is a defect. @module */
import { StatusError, silentLogger, type Logger } from "#apimachinery";

/** What controllers throw on purpose, without the answer that led to it, while the cluster changes under them. */
const ON_PURPOSE: readonly RegExp[] = [
  /^original \w+ \S+ is gone: got uid /,
  / has just been deleted at /,
  /^Deleting the content of namespace /,
  /^pvc \S+ is being deleted$/,
  /^found no controllers for pod /,
  /^could not replace job /,
];
const CAUSES_MAX = 16;

/** A logger that hands on every line, and tells `onDefect` of every error in one that nobody may have expected. */
export function strictLogger(onDefect: (what: string) => void, to: Logger = silentLogger): Logger {
  const seeing =
    (log: Logger["error"]): Logger["error"] =>
    (message, fields) => {
      const err = fields?.["err"];
      if (err !== undefined && !isExpected(err)) onDefect(`${message}: ${describe(err)}`);
      log(message, fields);
    };
  return {
    debug: seeing((message, fields) => to.debug(message, fields)),
    info: seeing((message, fields) => to.info(message, fields)),
    warn: seeing((message, fields) => to.warn(message, fields)),
    error: seeing((message, fields) => to.error(message, fields)),
    child: (fields) => strictLogger(onDefect, to.child(fields)),
  };
}

/** An answer of the server, a broken connection, the end of the process, or what was thrown because of one of these. */
export function isExpected(err: unknown, depth: number = 0): boolean {
  if (!(err instanceof Error) || depth > CAUSES_MAX) return false;
  if (err instanceof StatusError || err.name === "AbortError") return true;
  if ((err as { readonly code?: string }).code === "ECONNRESET") return true;
  if (err instanceof AggregateError) return err.errors.every((one) => isExpected(one, depth + 1));
  if (err.cause !== undefined) return isExpected(err.cause, depth + 1);
  return err.constructor === Error && ON_PURPOSE.some((text) => text.test(err.message));
}

function describe(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  const cause = err.cause === undefined ? "" : `, caused by ${describe(err.cause)}`;
  return `${err.stack ?? err.message}${cause}`;
}
