/** Dockerfile text → instructions, still with their variables. @module */
import { ImageBuildError } from "./errors.ts";

export interface Instruction {
  /** 1-based, where it begins. */
  readonly line: number;
  /** In capitals. */
  readonly name: string;
  /** `--from=x` → `from: x`; a flag without a value is `true`. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the name and the flags, continuation lines joined. */
  readonly rest: string;
  /** `rest` when it is a JSON list of strings. */
  readonly json: readonly string[] | undefined;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  /** `\`, or what the `escape` directive says. */
  readonly escape: string;
}

const TAKES_FLAGS: ReadonlySet<string> = new Set(["FROM", "COPY", "ADD", "RUN", "HEALTHCHECK"]);
const TAKES_JSON: ReadonlySet<string> = new Set([
  "RUN",
  "CMD",
  "ENTRYPOINT",
  "SHELL",
  "COPY",
  "ADD",
  "VOLUME",
]);

/** Throws an ImageBuildError on text that is no Dockerfile; what an instruction means is judged later. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const escape = escapeDirective(lines);
  const instructions: Instruction[] = [];
  for (let i = 0; i < lines.length;) {
    const start = i;
    if (isBlankOrComment(lines[i]!)) {
      i++;
      continue;
    }
    const parts: string[] = [];
    let continues = true;
    while (continues && i < lines.length) {
      const line = lines[i++]!;
      // Blank lines and comments inside a continued instruction are left out.
      if (parts.length > 0 && isBlankOrComment(line)) continue;
      const trimmed = line.trimEnd();
      continues = trimmed.endsWith(escape);
      parts.push(continues ? trimmed.slice(0, -1) : line);
    }
    instructions.push(parseInstruction(parts.join("").trim(), start + 1));
  }
  if (instructions.length === 0) throw new ImageBuildError("The Dockerfile has no instructions");
  return { instructions, escape };
}

function isBlankOrComment(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

/** Directives are comments at the very top. */
function escapeDirective(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name = "", value = ""] = /^#\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === "") break;
    if (name.toLowerCase() === "escape" && value !== "") return value;
  }
  return "\\";
}

function parseInstruction(text: string, line: number): Instruction {
  const [, word = "", after = ""] = /^(\S+)\s*([^]*)$/.exec(text) ?? [];
  const name = word.toUpperCase();
  const flags: Record<string, string> = {};
  let rest = after;
  while (TAKES_FLAGS.has(name)) {
    const [whole, flag, value] = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(rest) ?? [];
    if (whole === undefined || flag === undefined) break;
    flags[flag] = value ?? "true";
    rest = rest.slice(whole.length);
  }
  return { line, name, flags, rest, json: TAKES_JSON.has(name) ? parseJson(rest) : undefined };
}

/** Undefined for the shell form, which is also what a malformed list means to Docker. */
function parseJson(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}
