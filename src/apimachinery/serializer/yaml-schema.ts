/** What plain scalars mean in the YAML of sigs.k8s.io/yaml: YAML 1.1 as Go's library reads it. @module */
import {
  binaryTag,
  boolYaml11Tag,
  defineScalarTag,
  FAILSAFE_SCHEMA,
  mergeTag,
  NOT_RESOLVED,
  type Schema,
} from "js-yaml";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map(
    (word) => [word, true] as const,
  ),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(
    (word) => [word, false] as const,
  ),
]);
const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const SPECIAL_FLOATS: ReadonlyMap<string, number> = new Map([
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, Number.NaN] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (word) => [word, Number.POSITIVE_INFINITY] as const,
  ),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
]);
const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const FIRST_OF_NUMBERS = "+-.0123456789".split("");

const nullTag = defineScalarTag<null>("tag:yaml.org,2002:null", {
  implicit: true,
  implicitFirstChars: ["", "~", "n", "N"],
  resolve: (source) => (NULLS.has(source) ? null : NOT_RESOLVED),
  identify: (data) => data === null,
  represent: () => "null",
});

const boolTag = defineScalarTag<boolean>("tag:yaml.org,2002:bool", {
  implicit: true,
  implicitFirstChars: "yYnNtTfFoO".split(""),
  resolve: (source) => BOOLEANS.get(source) ?? NOT_RESOLVED,
  identify: boolYaml11Tag.identify,
  represent: String,
});

const intTag = defineScalarTag<number>("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: FIRST_OF_NUMBERS,
  resolve: (source) => {
    const plain = source.replaceAll("_", "");
    return INTEGER.test(plain) && isSafeStart(source) ? integerOf(plain) : NOT_RESOLVED;
  },
  identify: (data) => Number.isInteger(data) && !Object.is(data, -0),
  represent: String,
});

const floatTag = defineScalarTag<number>("tag:yaml.org,2002:float", {
  implicit: true,
  implicitFirstChars: FIRST_OF_NUMBERS,
  resolve: (source) => {
    const special = SPECIAL_FLOATS.get(source);
    if (special !== undefined) return special;
    const plain = source.replaceAll("_", "");
    return FLOAT.test(plain) && isSafeStart(source) ? Number(plain) : NOT_RESOLVED;
  },
  identify: (data) => typeof data === "number",
  represent: String,
});

/** For reading. Timestamps stay strings, as Go's library keeps them for compatibility. */
export const goYamlSchema: Schema = FAILSAFE_SCHEMA.withTags(
  nullTag,
  boolTag,
  intTag,
  floatTag,
  mergeTag,
  binaryTag,
);

const TIMESTAMP = /^\d{4}-\d{1,2}-\d{1,2}(?:$|[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?(?:Z|[-+]\d\d:\d\d)?$)/;
/** Sixty-based numbers: not read here, but by others. */
const BASE60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** Whether a plain scalar is read as this very string, here and by older readers. */
export function isPlainString(text: string): boolean {
  if (BOOLEANS.has(text) || NULLS.has(text) || SPECIAL_FLOATS.has(text) || text === "<<") return false;
  const plain = text.replaceAll("_", "");
  return !INTEGER.test(plain) && !FLOAT.test(plain) && !TIMESTAMP.test(text) && !BASE60.test(text);
}

/** A number starts with a digit, a sign or a dot; `_1` is a word. */
function isSafeStart(source: string): boolean {
  return !source.startsWith("_") && !source.startsWith("._");
}

/** `0o17`, `017`, `0x1f`, `0b11` and decimals. */
function integerOf(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.replace(/^[-+]/, "").toLowerCase();
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return sign * Number(digits) + 0;
}
