/** The headers of a request line by line, and what users know more of themselves in them. Pure. @module */
import type { Credentials } from "../user-info.ts";

interface HeaderLine {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Line by line: a group may have a comma in its name, and joined lines would make two of it. */
export function linesOf({ rawHeaders, headers }: Credentials): readonly HeaderLine[] {
  if (rawHeaders !== undefined) {
    return Array.from({ length: rawHeaders.length >> 1 }, (_, i) => ({
      name: rawHeaders[i * 2]!.toLowerCase(),
      value: utf8(rawHeaders[i * 2 + 1]!),
    }));
  }
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => ({ name, value: utf8(one) })),
  );
}

/** The values of every header with one of the prefixes, by what follows it; undefined: there are none. */
export function extraOf(
  lines: readonly HeaderLine[],
  prefixes: readonly string[],
): Readonly<Record<string, readonly string[]>> | undefined {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes) {
    for (const { name, value } of lines) {
      if (!name.startsWith(prefix.toLowerCase())) continue;
      const key = unescapeKey(name.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  return extra.size === 0 ? undefined : Object.fromEntries(extra);
}

/** A key that is not escaped as it should be is kept as it stands. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (err) {
    if (err instanceof URIError) return text;
    throw err;
  }
}

/** Node reads headers byte by byte; clients write them in UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}
