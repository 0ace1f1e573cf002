/** Reads what only the Go sources of the API say: protobuf numbers, pointers, omitempty, defaults, names of types. @module */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One field of a Go struct. */
export interface GoField {
  /** Name in JSON; "" when the struct is inlined. */
  readonly json: string;
  /** Go type without the pointer: `[]Container`, `metav1.Time`. */
  readonly type: string;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly protobuf: number | undefined;
  /** Constant default as JSON text. */
  readonly default: string | undefined;
}

export interface GoPackage {
  readonly structs: ReadonlyMap<string, readonly GoField[]>;
  /** `type Name Underlying` -> Underlying. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Lists and maps that are messages of their own (`+protobuf.nullable=true`). */
  readonly messages: ReadonlySet<string>;
  /** String constants, which `+default=ref(Name)` names. */
  readonly constants: ReadonlyMap<string, string>;
}

const STRUCT = /^type (\w+) struct \{/;
const ALIAS = /^type (\w+) (?:= )?(?!struct|interface|=)(\S+)/;
const CONSTANT = /^\s*(?:const )?(\w+)\s+(?:\w+\s+)?=\s*("[^"]*")/;
const FIELD = /^\t(?:(\w+)\s+)?(\*?)([\w.[\]*]+)\s+`(.*)`/;

/** Parses every source file of a folder, tests and generated code aside. */
export function readGoPackage(dir: string): GoPackage {
  const files = readdirSync(dir).filter((f) => f.endsWith(".go") && !/_test\.go$|generated|^zz_/.test(f));
  return parseGo(files.map((f) => readFileSync(join(dir, f), "utf8")).join("\n"));
}

export function parseGo(source: string): GoPackage {
  const structs = new Map<string, GoField[]>();
  const aliases = new Map<string, string>();
  const constants = new Map<string, string>();
  const messages = new Set<string>();
  let isMessage = false;
  let fields: GoField[] | undefined;
  let marker: string | undefined;
  for (const line of source.split("\n")) {
    const comment = /^\s*\/\/\s*\+default=(.*)$/.exec(line);
    if (comment) marker = comment[1]!.trim();
    if (line.startsWith("// +protobuf.nullable=true")) isMessage = true;
    if (/^\s*\/\//.test(line)) continue;
    const struct = STRUCT.exec(line);
    if (struct) {
      fields = [];
      structs.set(struct[1]!, fields);
    } else if (line.startsWith("}")) {
      fields = undefined;
    } else if (fields) {
      const field = parseField(line, marker);
      if (field) fields.push(field);
    } else {
      const alias = ALIAS.exec(line);
      if (alias) aliases.set(alias[1]!, alias[2]!);
      if (alias && isMessage) messages.add(alias[1]!);
      const constant = CONSTANT.exec(line);
      if (constant) constants.set(constant[1]!, constant[2]!);
    }
    marker = undefined;
    if (line !== "") isMessage = false;
  }
  return { structs, aliases, messages, constants };
}

function parseField(line: string, marker: string | undefined): GoField | undefined {
  const match = FIELD.exec(line);
  if (!match) return undefined;
  const [, , star, type, tags] = match;
  const json = /json:"([^"]*)"/.exec(tags!)?.[1];
  if (json === undefined || json === "-") return undefined;
  const number = /protobuf:"\w+,(\d+),/.exec(tags!)?.[1];
  const [name = "", ...options] = json.split(",");
  return {
    json: name,
    type: type!,
    pointer: star === "*",
    omitEmpty: options.includes("omitempty") || options.includes("omitzero"),
    protobuf: number === undefined ? undefined : Number(number),
    default: marker,
  };
}
