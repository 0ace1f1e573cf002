/** `format.dns1123Label().validate(name)`: named string formats. @module */
import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
} from "../../names.ts";
import { fn, type Declaration } from "../functions.ts";
import { structOf, type CelType } from "../types.ts";
import { CelError, NamedValue, Optional } from "../values.ts";
import { parseTimestamp } from "../time-text.ts";
import { uriError } from "./urls.ts";

const TYPE: CelType = structOf("kubernetes.NamedFormat");

export class NamedFormat extends NamedValue {
  readonly name: string;
  /** What is wrong with a text. */
  readonly check: (text: string) => readonly string[];
  /** What checking costs is counted by. */
  readonly regexSize: number;

  constructor(name: string, check: (text: string) => readonly string[], regexSize: number) {
    super();
    this.name = name;
    this.check = check;
    this.regexSize = regexSize;
  }

  get celType(): CelType {
    return TYPE;
  }

  equals(other: NamedValue): boolean {
    return other instanceof NamedFormat && other.name === this.name;
  }
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** A name that something is to follow may end with a hyphen. */
const asPrefix =
  (check: (text: string) => readonly string[]) =>
  (text: string): readonly string[] =>
    check(text.replace(/-$/, "a"));

const matching =
  (isGood: (text: string) => boolean, why: string) =>
  (text: string): readonly string[] =>
    isGood(text) ? [] : [why];

function isTime(text: string): boolean {
  try {
    parseTimestamp(text);
    return true;
  } catch (err) {
    if (err instanceof CelError) return false;
    throw err;
  }
}

const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && isTime(`${text}T00:00:00Z`);
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** Upstream's pattern of date-times has this many characters, the one of UUIDs this many. */
const DATE_TIME_SIZE = 140;
const UUID_SIZE = 79;

const FORMATS: Readonly<Record<string, NamedFormat>> = Object.fromEntries([
  ["dns1123Label", new NamedFormat("DNS1123Label", isDns1123Label, 30)] as const,
  ["dns1123Subdomain", new NamedFormat("DNS1123Subdomain", isDns1123Subdomain, 60)] as const,
  ["dns1035Label", new NamedFormat("DNS1035Label", isDns1035Label, 30)] as const,
  ["qualifiedName", new NamedFormat("QualifiedName", isQualifiedName, 60)] as const,
  ["dns1123LabelPrefix", new NamedFormat("DNS1123LabelPrefix", asPrefix(isDns1123Label), 30)] as const,
  [
    "dns1123SubdomainPrefix",
    new NamedFormat("DNS1123SubdomainPrefix", asPrefix(isDns1123Subdomain), 60),
  ] as const,
  ["dns1035LabelPrefix", new NamedFormat("DNS1035LabelPrefix", asPrefix(isDns1035Label), 30)] as const,
  ["labelValue", new NamedFormat("LabelValue", isLabelValue, 40)] as const,
  ["uri", new NamedFormat("URI", (text) => [uriError(text) ?? []].flat(), 1103)] as const,
  [
    "uuid",
    new NamedFormat(
      "uuid",
      matching((text) => UUID.test(text), "does not match the UUID format"),
      UUID_SIZE,
    ),
  ] as const,
  ["byte", new NamedFormat("byte", matching(isBase64, "invalid base64"), 84)] as const,
  ["date", new NamedFormat("date", matching(isDate, "invalid date"), DATE_TIME_SIZE)] as const,
  ["datetime", new NamedFormat("datetime", matching(isTime, "invalid datetime"), DATE_TIME_SIZE)] as const,
]);

function validate(format: NamedFormat, text: string): Optional {
  const errors = format.check(text);
  return errors.length === 0 ? Optional.none : new Optional(errors);
}

function named(name: string): Optional {
  return Object.hasOwn(FORMATS, name) ? new Optional(FORMATS[name]) : Optional.none;
}

export const NAMED_FORMATS: readonly Declaration[] = [
  fn("validate", "format-validate", "kubernetes.NamedFormat.(string): optional<list<string>>", validate),
  fn("format.named", "format-named", "(string): optional<kubernetes.NamedFormat>", named),
  ...Object.entries(FORMATS).map(([name, format]) =>
    fn(`format.${name}`, `format.${name}`, "(): kubernetes.NamedFormat", () => format),
  ),
];
