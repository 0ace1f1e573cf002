/** The one answer to wrong credentials: it does not say what was wrong with them. @module */
import { StatusError } from "#apimachinery";

export function unauthorized(cause?: unknown): StatusError {
  return new StatusError("Unauthorized", "Unauthorized", { cause });
}
