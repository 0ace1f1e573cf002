/** How patches fail at the API boundary. @module */
import { StatusError } from "../errors.ts";

/** 400: the patch is not one. */
export function badPatch(message: string): StatusError {
  return new StatusError("BadRequest", message);
}

/** 422 with upstream's generic text; `why` is kept as the cause, for the log. */
export function patchDoesNotApply(why: string): StatusError {
  return new StatusError("Invalid", "the server rejected our request due to an error in our request", {
    cause: new Error(why),
  });
}

/** 422 that says what is wrong with the content. */
export function invalidPatch(message: string): StatusError {
  return new StatusError("Invalid", message);
}

/** 413. */
export function patchTooLarge(message: string): StatusError {
  return new StatusError("RequestEntityTooLarge", message);
}
