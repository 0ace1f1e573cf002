/** The token by which a paged list goes on: base64url of `{v, rv, start}`, as upstream's. @module */
import { StatusError, type Status } from "#apimachinery";

const TOKEN_VERSION = "meta.k8s.io/v1";

export interface ContinueToken {
  /** The revision of the first page; -1: whatever is current, consistency was given up. */
  readonly revision: number;
  /** The last key already told, within the resource. */
  readonly startAfter: string;
}

export function encodeContinue({ revision, startAfter }: ContinueToken): string {
  const json = JSON.stringify({ v: TOKEN_VERSION, rv: revision, start: `${startAfter}\0` });
  return Buffer.from(json).toString("base64url");
}

export function decodeContinue(text: string): ContinueToken {
  const { v, rv, start } = parse(text);
  if (v !== TOKEN_VERSION) {
    throw refused(`: server does not recognize this encoded version ${goText(v)}`);
  }
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    throw refused(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (typeof start !== "string" || start === "") {
    throw refused(": encoded start key empty (version meta.k8s.io/v1)");
  }
  if (isOutside(start)) throw refused(`: ${start}`);
  return { revision: rv, startAfter: start.endsWith("\0") ? start.slice(0, -1) : start };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw refused(": it is no JSON in base64url", cause);
  }
  throw refused(": it is no JSON object");
}

function refused(why: string, cause?: unknown): StatusError {
  const message = `invalid continue token: continue key is not valid${why}`;
  return new StatusError("BadRequest", message, { cause });
}

/** Keys are walked from the resource's own place: a token must not lead elsewhere. */
function isOutside(start: string): boolean {
  const parts = (start.startsWith("/") ? start.slice(1) : start).split("/");
  return parts.some((part) => part === "" || part === "." || part === "..");
}

function goText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const EXPIRED_MESSAGE =
  "The provided continue parameter is too old to display a consistent list result. " +
  "You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** 410 with a token that goes on at the same place in the present state. */
export class ContinueExpired extends StatusError {
  readonly #token: string;

  constructor(startAfter: string) {
    super("Expired", EXPIRED_MESSAGE);
    this.#token = encodeContinue({ revision: -1, startAfter });
  }

  override toStatus(): Status {
    return { ...super.toStatus(), metadata: { continue: this.#token } as unknown as Status["metadata"] };
  }
}
