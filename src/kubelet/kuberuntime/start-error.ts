/** Why a container or sandbox could not be started, in the words that `state.waiting` shows. @module */

export type StartReason =
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError"
  | "CreateContainerConfigError"
  | "CreateContainerError"
  | "RunContainerError"
  | "PostStartHookError"
  | "CrashLoopBackOff"
  | "CreatePodSandboxError";

export interface StartErrorOptions {
  readonly cause?: unknown;
  /** Not worth trying before. */
  readonly retryAtMs?: number;
  /** Something was tried and failed now, rather than held back. */
  readonly attempted?: boolean;
}

export class StartError extends Error {
  override readonly name = "StartError";
  readonly reason: StartReason;
  readonly retryAtMs: number | undefined;
  readonly attempted: boolean;

  constructor(reason: StartReason, message: string, options: StartErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryAtMs = options.retryAtMs;
    this.attempted = options.attempted ?? false;
  }
}
