/** Types as declarations write them: `list<A>`, `map<string, dyn>`, `optional<kubernetes.URL>`. @module */
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  NULL,
  STRING,
  TIMESTAMP,
  UINT,
  listOf,
  mapOf,
  opaque,
  optionalOf,
  structOf,
  typeOf,
  typeParam,
  type CelType,
} from "./types.ts";

const PLAIN: Readonly<Record<string, CelType>> = {
  dyn: DYN,
  null: NULL,
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  duration: DURATION,
  timestamp: TIMESTAMP,
};
/** Types of Kubernetes that cel-go knows by name alone. */
const OPAQUE: ReadonlySet<string> = new Set(["net.IP", "net.CIDR"]);

/** Throws for what is no type: declarations are constants. */
export function parseType(text: string): CelType {
  const open = text.indexOf("<");
  if (open < 0) return namedType(text.trim());
  const params = splitTop(text.slice(open + 1, text.lastIndexOf(">"))).map(parseType);
  const [first, second] = params;
  switch (text.slice(0, open).trim()) {
    case "list":
      return listOf(first!);
    case "map":
      return mapOf(first!, second!);
    case "optional":
      return optionalOf(first!);
    case "type":
      return typeOf(first!);
    default:
      throw new Error(`unknown type ${text}`);
  }
}

function namedType(name: string): CelType {
  const known = PLAIN[name];
  if (known !== undefined) return known;
  if (/^[A-Z]$/.test(name)) return typeParam(name);
  return OPAQUE.has(name) ? opaque(name) : structOf(name);
}

export interface Signature {
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly isMember: boolean;
}

/** `string.(int): bool` for a method, `(string, int): bool` for a function. */
export function parseSignature(text: string): Signature {
  const [, target = "", list = "", result = ""] = /^(?:(.*?)\.)?\((.*)\)\s*:\s*(.*)$/.exec(text) ?? [];
  if (result === "") throw new Error(`unknown signature ${text}`);
  const args = splitTop(list).map(parseType);
  return {
    args: target === "" ? args : [parseType(target), ...args],
    result: parseType(result),
    isMember: target !== "",
  };
}

/** By the commas that stand in no brackets. */
function splitTop(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "<") depth++;
    else if (char === ">") depth--;
    else if (char === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  const last = text.slice(start);
  return last.trim() === "" ? parts : [...parts, last];
}
