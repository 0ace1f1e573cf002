/**
 * API errors. Everything that crosses the API boundary as a failure is a `StatusError`;
 * callers branch on `reason` through the predicates below, never on message text.
 * @module
 */

/** HTTP code for each machine-readable reason (metav1.StatusReason). */
const HTTP_CODES = {
  Unknown: 500,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  Invalid: 422,
  ServerTimeout: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  ServiceUnavailable: 503,
} as const;

export type StatusReason = keyof typeof HTTP_CODES;

/** `reason` of a cause (metav1.CauseType). */
export type CauseType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTooFew"
  | "FieldValueTooShort"
  | "FieldValueTypeInvalid"
  | "FieldManagerConflict"
  | "UnexpectedServerResponse"
  | "ResourceVersionTooLarge"
  | "NamespaceTerminating"
  | "NodeCapacity"
  | "UnsupportedPlatform"
  | "InternalError";

/** What failed, and on which field; one of the `details.causes` of a metav1.Status. */
export interface StatusCause {
  readonly reason?: CauseType;
  readonly field: string;
  readonly message: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** metav1.Status as it stands on the wire. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: StatusReason;
  readonly details?: StatusDetails;
  readonly code?: number;
}

export interface StatusErrorOptions {
  readonly code?: number;
  readonly details?: StatusDetails;
  readonly cause?: unknown;
}

export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: StatusReason, message: string, options: StatusErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.code = options.code ?? HTTP_CODES[reason];
    this.details = options.details;
  }

  /** The metav1.Status that a client sees. */
  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      // metav1.StatusReasonUnknown is the empty text, which JSON leaves out
      ...(this.reason !== "Unknown" && { reason: this.reason }),
      ...(this.details !== undefined && { details: onWire(this.details) }),
      code: this.code,
    };
  }

  /** The error a server answered with, for clients. */
  static fromStatus(status: Partial<Status>, httpCode: number): StatusError {
    const reason = status.reason !== undefined && status.reason in HTTP_CODES ? status.reason : "Unknown";
    const message = status.message ?? `the server answered ${httpCode}`;
    return new StatusError(reason, message, {
      code: status.code ?? httpCode,
      ...(status.details !== undefined && { details: status.details }),
    });
  }
}

/** Names that are not known are left out. */
function onWire(details: StatusDetails): StatusDetails {
  const { name, kind } = details;
  if (name !== "" && kind !== "") return details;
  const { name: _name, kind: _kind, ...rest } = details;
  return { ...(name && { name }), ...(kind && { kind }), ...rest };
}

/** What the messages name: `plural` of `group`, as in `deployments.apps "web" not found`. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

export function notFound(gr: GroupResource, name: string): StatusError {
  return about("NotFound", gr, name, `${print(gr)} ${JSON.stringify(name)} not found`);
}

export function alreadyExists(gr: GroupResource, name: string): StatusError {
  return about("AlreadyExists", gr, name, `${print(gr)} ${JSON.stringify(name)} already exists`);
}

export function conflict(gr: GroupResource, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${print(gr)} ${JSON.stringify(name)}: ${why}`;
  return about("Conflict", gr, name, message);
}

/** The message optimistic locking gives; retry on it after reading again. */
export const OPTIMISTIC_LOCK_MESSAGE =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(gr: GroupResource, name: string, why: string): StatusError {
  const subject = name === "" ? print(gr) : `${print(gr)} ${JSON.stringify(name)}`;
  return about("Forbidden", gr, name, `${subject} is forbidden: ${why}`);
}

export function badRequest(message: string): StatusError {
  return new StatusError("BadRequest", message);
}

/** 422. `kind` is the Kind (`Deployment`), not the resource; the message lists every cause. */
export function invalid(
  gk: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): StatusError {
  const subject = gk.group === "" ? gk.kind : `${gk.kind}.${gk.group}`;
  // Two rules may find the same: both are causes, and the message says it once.
  const lines = [...new Set(causes.map((c) => `${c.field}: ${c.message}`))];
  const list = lines.length === 1 ? lines[0]! : `[${lines.join(", ")}]`;
  return new StatusError("Invalid", `${subject} ${JSON.stringify(name)} is invalid: ${list}`, {
    details: { name, ...(gk.group !== "" && { group: gk.group }), kind: gk.kind, causes },
  });
}

/** Nobody wraps deeper; a chain that bites its own tail must not hang the process. */
const CAUSES_MAX = 100;

/** The reason of `err`, following `cause`; undefined when no API error is in the chain. */
export function reasonOf(err: unknown): StatusReason | undefined {
  let e = err;
  for (let depth = 0; e instanceof Error && depth < CAUSES_MAX; depth++) {
    if (e instanceof StatusError) return e.reason;
    e = e.cause;
  }
  return undefined;
}

export const isNotFound = (err: unknown): boolean => reasonOf(err) === "NotFound";
export const isAlreadyExists = (err: unknown): boolean => reasonOf(err) === "AlreadyExists";
export const isConflict = (err: unknown): boolean => reasonOf(err) === "Conflict";
export const isInvalid = (err: unknown): boolean => reasonOf(err) === "Invalid";
export const isForbidden = (err: unknown): boolean => reasonOf(err) === "Forbidden";
/** The resourceVersion is too old: list again and watch from there. */
export const isExpired = (err: unknown): boolean => reasonOf(err) === "Expired" || reasonOf(err) === "Gone";

/** What `work` gives; undefined when it failed with an error that `isExpected`. */
export async function unless<T>(
  isExpected: (err: unknown) => boolean,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (err) {
    if (isExpected(err)) return undefined;
    throw err;
  }
}

function about(reason: StatusReason, gr: GroupResource, name: string, message: string): StatusError {
  const details = {
    ...(name !== "" && { name }),
    ...(gr.group !== "" && { group: gr.group }),
    kind: gr.resource,
  };
  return new StatusError(reason, message, { details });
}

function print({ group, resource }: GroupResource): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** A creation refused because the namespace is being deleted, or is gone already: trying again is useless. */
export function isNamespaceGone(err: unknown): boolean {
  if (!(err instanceof StatusError)) return false;
  const { kind, causes = [] } = err.details ?? {};
  return (
    causes.some(({ reason }) => reason === "NamespaceTerminating") ||
    (err.reason === "NotFound" && kind === "namespaces")
  );
}
