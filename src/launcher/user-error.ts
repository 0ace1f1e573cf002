/** A failure the user can do something about: what failed, why, and what to type. @module */

/** Exit codes after sysexits.h, as minikube groups them: stable, so that scripts may branch on them. */
export const EXIT = {
  usage: 64,
  notFound: 66,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  io: 74,
  noPermission: 77,
  config: 78,
} as const;

export interface UserErrorOptions {
  /** Stable upper-case id, like `PORT_IN_USE`. */
  readonly id: string;
  readonly exitCode: number;
  /** A command or an action, in the imperative. */
  readonly fix?: string;
  readonly cause?: unknown;
}

export class UserError extends Error {
  override readonly name = "UserError";
  readonly id: string;
  readonly exitCode: number;
  readonly fix: string | undefined;

  constructor(message: string, options: UserErrorOptions) {
    super(message, { cause: options.cause });
    this.id = options.id;
    this.exitCode = options.exitCode;
    this.fix = options.fix;
  }
}

/** The reasons of an error and of its causes, on one line. */
export function explain(err: unknown): string {
  const messages: string[] = [];
  for (let e = err; e instanceof Error; e = e.cause) {
    if (!messages.some((message) => message.includes(e.message))) messages.push(e.message);
  }
  return messages.length > 0 ? messages.join(": ") : String(err);
}
