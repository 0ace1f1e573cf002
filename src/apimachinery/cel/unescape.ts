/** Escapes in string and bytes literals. @module */

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  "'": 39,
  '"': 34,
  "`": 96,
  "?": 63,
};
const ESCAPE =
  /\\(?:([abfnrtv\\'"`?])|x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/y;
const CODE_POINT_MAX = 0x10_ffff;

/** The text or, of a bytes literal, its bytes. Throws for escapes that are none. */
export function unescape(body: string, isBytes: boolean): string | Uint8Array {
  if (!body.includes("\\")) return isBytes ? new TextEncoder().encode(body) : body;
  const bytes: number[] = [];
  let text = "";
  for (let at = 0; at < body.length;) {
    if (body[at] !== "\\") {
      const char = String.fromCodePoint(body.codePointAt(at)!);
      if (isBytes) bytes.push(...new TextEncoder().encode(char));
      else text += char;
      at += char.length;
      continue;
    }
    ESCAPE.lastIndex = at;
    const found = ESCAPE.exec(body);
    if (found === null) throw new Error("unable to unescape string");
    const [whole, simple, x, X, u, U, octal] = found;
    if (isBytes && (u ?? U) !== undefined) throw new Error("unable to unescape string");
    const code =
      simple === undefined
        ? Number.parseInt((x ?? X ?? u ?? U ?? octal)!, octal === undefined ? 16 : 8)
        : SIMPLE[simple]!;
    if (isBytes) bytes.push(code);
    else if (code > CODE_POINT_MAX || (code >= 0xd800 && code < 0xe000))
      throw new Error("invalid unicode code point");
    else text += String.fromCodePoint(code);
    at += whole.length;
  }
  return isBytes ? Uint8Array.from(bytes) : text;
}
