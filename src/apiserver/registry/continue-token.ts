/** The token by which a paged list goes on: base64url of `{v, rv, start}`, as upstream's. @module */
import { badRequest, StatusError, type Status } from "#apimachinery";

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
    throw badRequest(
      `continue key is not valid: server does not recognize this encoded version "${String(v)}"`,
    );
  }
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    throw badRequest(
      "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    );
  }
  if (typeof start !== "string" || start === "") {
    throw badRequest("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
  }
  return { revision: rv, startAfter: start.endsWith("\0") ? start.slice(0, -1) : start };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new StatusError("BadRequest", "continue key is not valid: it is no JSON in base64url", { cause });
  }
  throw badRequest("continue key is not valid: it is no JSON object");
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
