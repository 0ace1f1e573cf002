/** The library for JSON web tokens, loaded with the first token: a server starts without. @module */
type Jose = typeof import("jose");

let loaded: Promise<Jose> | undefined;

export function loadJose(): Promise<Jose> {
  return (loaded ??= import("jose"));
}
