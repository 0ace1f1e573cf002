/** JSON texts: reading with Go's messages, and finding fields that occur twice. @module */
import { JSON_DEPTH_MAX, JsonSyntaxError, scanJson } from "./json-scanner.ts";

export { JSON_DEPTH_MAX, JsonSyntaxError } from "./json-scanner.ts";

/** `JSON.parse` with Go's messages and a bound on nesting. Throws `JsonSyntaxError`. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    scanJson(text);
    // The scanner found nothing wrong. The runtime's own message would quote the text, which may be secret.
    throw new JsonSyntaxError("invalid JSON");
  }
  // A level costs two characters.
  if (text.length > 2 * JSON_DEPTH_MAX && nestingOf(text) > JSON_DEPTH_MAX)
    throw new JsonSyntaxError("exceeded max depth");
  return value;
}

/**
 * Paths of the fields that occur twice in `text`, whose parsed form is `value`. Costs a walk over both; only when their
 * numbers of keys differ is the text read carefully.
 */
export function findDuplicateFields(text: string, value: unknown): readonly string[] {
  return countKeysOfText(text) === countKeys(value) ? [] : scanJson(text);
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) count += 1 + countKeys((value as Record<string, unknown>)[key]);
  return count;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Outside of strings, every colon follows a key. */
function countKeysOfText(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === COLON) count++;
    else if (code === QUOTE) i = endOfString(text, i);
  }
  return count;
}

/** The deepest level; cheap, because most documents have few opening brackets altogether. */
function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > deepest) deepest = depth;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

/** Index of the quote that ends the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
  }
}
