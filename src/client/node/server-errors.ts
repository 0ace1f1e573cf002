/** Answers of 400 and above as `StatusError`s. @module */
import { StatusError, type Status, type StatusReason } from "#apimachinery";

const BODY_LENGTH_SHOWN_MAX = 2_048;

/** What a code means when the server sent no Status; upstream's `NewGenericServerResponse`. */
const GENERIC: Readonly<Record<number, readonly [StatusReason, string]>> = {
  400: ["BadRequest", "the server rejected our request for an unknown reason"],
  401: ["Unauthorized", "the server has asked for the client to provide credentials"],
  403: ["Forbidden", "the server does not allow this request"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  406: ["NotAcceptable", "the server was unable to respond with a content type that the client supports"],
  409: ["Conflict", "the server reported a conflict"],
  410: ["Gone", "the server no longer has the requested resource"],
  413: ["RequestEntityTooLarge", "the request is too large for the server"],
  415: ["UnsupportedMediaType", "the body of the request was in an unknown format"],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  500: ["InternalError", "an error on the server prevented the request from succeeding"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: ["Timeout", "the server was unable to return a response in the time allotted"],
};

/** `body` is what the server said, as text. */
export function serverError(
  method: string,
  httpCode: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): StatusError {
  const status = parseStatus(body);
  if (status !== undefined) return StatusError.fromStatus(status, httpCode);
  const [reason, text] = GENERIC[httpCode] ?? ["Unknown" as const, `the server answered ${httpCode}`];
  const isExisting = httpCode === 409 && method === "POST";
  const shown = body.trim().slice(0, BODY_LENGTH_SHOWN_MAX);
  const seconds = retryAfterSeconds(headers);
  return new StatusError(isExisting ? "AlreadyExists" : reason, shown === "" ? text : `${text}: ${shown}`, {
    code: httpCode,
    details: {
      causes: shown === "" ? [] : [{ reason: "UnexpectedServerResponse", field: "", message: shown }],
      ...(seconds !== undefined && { retryAfterSeconds: seconds }),
    },
  });
}

/** undefined when the header is missing or a date, which API servers do not send. */
export function retryAfterSeconds(headers: Readonly<Record<string, string>>): number | undefined {
  const text = headers["retry-after"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function parseStatus(body: string): Partial<Status> | undefined {
  if (!body.trimStart().startsWith("{")) return undefined;
  try {
    const value = JSON.parse(body) as Partial<Status>;
    return value.kind === "Status" ? value : undefined;
  } catch {
    return undefined; // A proxy's own page: shown as it is.
  }
}
