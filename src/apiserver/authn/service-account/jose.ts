/** The library for JSON web tokens, loaded with the first token: a server starts without. @module */
import type * as jose from "jose";

let loaded: Promise<typeof jose> | undefined;

export function loadJose(): Promise<typeof jose> {
  return (loaded ??= import("jose"));
}
