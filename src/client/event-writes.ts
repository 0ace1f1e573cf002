/** What holds for every write of an Event. @module */
import { StatusError } from "#apimachinery";

/** Event messages above this are refused by the API server. */
const MESSAGE_LENGTH_MAX = 1_024;

/** As long as the API server takes it. */
export function shortened(message: string): string {
  return message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : message;
}

/** The server has understood the event and does not want it; or the request can never be made. */
export function isFinalRefusal(err: unknown): boolean {
  if (err instanceof RangeError) return true;
  return err instanceof StatusError && err.code < 500 && err.reason !== "TooManyRequests";
}
