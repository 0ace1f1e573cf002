/** Failures of a build that a user can mend. @module */

/** `line` is 1-based in the Dockerfile. */
export class ImageBuildError extends Error {
  override readonly name = "ImageBuildError";
  readonly line: number | undefined;
  /** What to type. */
  readonly fix: string | undefined;

  constructor(message: string, line?: number, cause?: unknown, fix?: string) {
    super(line === undefined ? message : `Dockerfile line ${line}: ${message}`, { cause });
    this.line = line;
    this.fix = fix;
  }
}
