/** What was thrown may be anything: its text, and an error of it. @module */

/** The message alone; stacks are for the log. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** As it is when it is an error; anything else becomes the message of one. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
