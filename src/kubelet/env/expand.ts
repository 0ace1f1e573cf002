/** `$(NAME)` references in commands, arguments and environment values. Pure. @module */

/**
 * Replaces `$(NAME)` by what `lookup` gives; a name that it does not know stays as written. `$$` stands for `$`, so that
 * `$$(NAME)` is never a reference.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = "";
  let at = 0;
  for (;;) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0 || dollar === text.length - 1) return out + text.slice(at);
    out += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === "$") {
      out += "$";
      at = dollar + 2;
      continue;
    }
    const end = next === "(" ? text.indexOf(")", dollar + 2) : -1;
    if (end < 0) {
      out += next === "(" ? "$(" : `$${next}`;
      at = dollar + 2;
      continue;
    }
    const name = text.slice(dollar + 2, end);
    out += lookup(name) ?? `$(${name})`;
    at = end + 1;
  }
}

/** Like `expand`, and throws if a reference is left. For paths, which must not be half expanded. */
export function expandAll(text: string, lookup: (name: string) => string | undefined): string {
  return expand(text, (name) => {
    const value = lookup(name);
    if (value === undefined) throw new Error(`missing value for ${JSON.stringify(name)}`);
    return value;
  });
}
