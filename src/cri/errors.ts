/** Failures of a runtime; callers branch on `code`, and may show `message` to users. @module */

/** gRPC's status codes under their canonical names; index = number on the wire. */
export const RUNTIME_ERROR_CODES = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

export type RuntimeErrorCode = (typeof RUNTIME_ERROR_CODES)[number];

/** `message` is the runtime's own text (for a failed pull: what the registry said), without a prefix. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }

  /** The form in which Kubernetes users know such errors, for events and logs. */
  describe(): string {
    return `rpc error: code = ${this.code} desc = ${this.message}`;
  }
}

/** The code of the first RuntimeError in the chain of causes. */
export function runtimeErrorCode(err: unknown): RuntimeErrorCode | undefined {
  for (let e = err; e instanceof Error; e = e.cause) {
    if (e instanceof RuntimeError) return e.code;
  }
  return undefined;
}

/** No such sandbox, container or image. */
export const isRuntimeNotFound = (err: unknown): boolean => runtimeErrorCode(err) === "NotFound";
/** The runtime does not answer (its socket is gone, it is starting): try again. */
export const isRuntimeUnavailable = (err: unknown): boolean => runtimeErrorCode(err) === "Unavailable";
export const isRuntimeUnimplemented = (err: unknown): boolean => runtimeErrorCode(err) === "Unimplemented";
/** The call's own time limit passed, e.g. an `execSync` that ran too long. */
export const isRuntimeDeadlineExceeded = (err: unknown): boolean =>
  runtimeErrorCode(err) === "DeadlineExceeded";
