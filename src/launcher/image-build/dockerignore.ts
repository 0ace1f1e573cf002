/** `.dockerignore`: which files of the context do not exist for a build. @module */

interface Rule {
  readonly pattern: RegExp;
  readonly isException: boolean;
}

export interface Ignore {
  /** `path` is relative to the context, with slashes. The last rule that matches decides. */
  isIgnored(path: string): boolean;
  /** A folder that is ignored may still hold exceptions. */
  readonly hasExceptions: boolean;
}

/** Go's filepath.Match, with `**` for any number of folders; a rule for a folder holds for all in it. */
export function parseDockerignore(text: string): Ignore {
  const rules: Rule[] = [];
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const isException = trimmed.startsWith("!");
    const path = (isException ? trimmed.slice(1) : trimmed)
      .trim()
      .replace(/^(\.?\/)+/, "")
      .replace(/\/+$/, "");
    if (path !== "") rules.push({ pattern: new RegExp(`^${globSource(path)}(/|$)`), isException });
  }
  return {
    hasExceptions: rules.some((rule) => rule.isException),
    isIgnored(path) {
      const last = rules.findLast(({ pattern }) => pattern.test(path));
      return last !== undefined && !last.isException;
    },
  };
}

/** A pattern for whole paths. */
export function globPattern(glob: string): RegExp {
  return new RegExp(`^${globSource(glob)}$`);
}

export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

function globSource(glob: string): string {
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    if (glob.startsWith("**/", i)) {
      source += "(?:.*/)?";
      i += 2;
    } else if (glob.startsWith("**", i)) {
      source += ".*";
      i++;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[" && glob.includes("]", i + 1)) {
      const end = glob.indexOf("]", i + 1);
      source += `[${glob.slice(i + 1, end).replaceAll("\\", "\\\\")}]`;
      i = end;
    } else source += char.replaceAll(/[\\^$.|+(){}[\]]/g, "\\$&");
  }
  return source;
}
