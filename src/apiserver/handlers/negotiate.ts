/** Reading `Accept`: in which format and in which form a client wants its answer. @module */
import { PROTOBUF_MEDIA_TYPE, StatusError } from "#apimachinery";

export interface MediaType<F extends Format = Format> {
  readonly format: F;
  /** `as=Table;g=meta.k8s.io;v=v1`: another form of the same objects. */
  readonly as: "" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
}

export type TextFormat = "json" | "yaml";
export type Format = TextFormat | "protobuf";

const JSON_TYPE = { format: "json", as: "" } as const;
/** In the order in which a wildcard takes them. */
const MEDIA_TYPES: readonly (readonly [type: string, format: Format])[] = [
  ["application/json", "json"],
  ["application/yaml", "yaml"],
  [PROTOBUF_MEDIA_TYPE, "protobuf"],
];
/** A header longer than this is not read on: it is no honest list of preferences. */
const CLAUSES_MAX = 32;

/** Most requests come with one of a few headers: parsed once. */
const parsed = {
  text: new Map<string, MediaType | undefined>(),
  any: new Map<string, MediaType | undefined>(),
};
const PARSED_MAX = 256;

/** The best form in text that the server has. Throws NotAcceptable when there is none. */
export function negotiate(accept: string, isWatch = false): MediaType<TextFormat> {
  return best(accept, isWatch, false) as MediaType<TextFormat>;
}

/** Like `negotiate`, for what can also be written as protobuf. */
export function negotiateAny(accept: string, isWatch = false): MediaType {
  return best(accept, isWatch, true);
}

/** For values that belong to no resource and so have no Table (reviews, Scale): the best of the other forms. */
export function negotiateValue(accept: string, hasProtobuf: boolean): MediaType {
  const type = best(accept, false, hasProtobuf);
  if (type.as !== "Table") return type;
  const others = accept
    .split(",", CLAUSES_MAX)
    .filter((clause) => parseClause(clause).parameters.get("as") !== "Table");
  if (others.length === 0) throw notAcceptable(false, hasProtobuf);
  return best(others.join(","), false, hasProtobuf);
}

function best(accept: string, isWatch: boolean, hasProtobuf: boolean): MediaType {
  if (accept === "" || accept === "*/*" || accept === "application/json") return JSON_TYPE;
  const known = hasProtobuf ? parsed.any : parsed.text;
  let type = known.get(accept);
  if (type === undefined) {
    type = firstSupported(accept, hasProtobuf);
    if (known.size < PARSED_MAX) known.set(accept, type);
  }
  if (type !== undefined && !(isWatch && type.format === "yaml")) return type;
  throw notAcceptable(isWatch, hasProtobuf);
}

function notAcceptable(isWatch: boolean, hasProtobuf: boolean): StatusError {
  const list = acceptedTypes(hasProtobuf)
    .filter((mediaType) => !isWatch || mediaType !== "application/yaml")
    .map((mediaType) => (isWatch ? `${mediaType};stream=watch` : mediaType));
  return new StatusError("NotAcceptable", `only the following media types are accepted: ${list.join(", ")}`);
}

/** What bodies may be in, and answers are in, as error messages list it. */
export function acceptedTypes(hasProtobuf: boolean): readonly string[] {
  return MEDIA_TYPES.filter(([, format]) => hasProtobuf || format !== "protobuf").map(([type]) => type);
}

function firstSupported(accept: string, hasProtobuf: boolean): MediaType | undefined {
  const clauses = accept.split(",", CLAUSES_MAX).map(parseClause);
  const preferred = clauses.toSorted((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
  for (const clause of preferred) {
    const type = supported(clause, hasProtobuf);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Of two types of the same quality the one that says more counts more. */
function wildcards({ type }: Clause): number {
  return type.startsWith("*/") ? 2 : type.endsWith("/*") ? 1 : 0;
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

function parseClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const [name = "", value = ""] = part.split("=", 2);
      return [name.trim().toLowerCase(), value.trim()];
    }),
  );
  const quality = Number(parameters.get("q") ?? "1");
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

function supported({ type, parameters }: Clause, hasProtobuf: boolean): MediaType | undefined {
  const format = formatOf(type, hasProtobuf);
  if (format === undefined || !isStream(format, parameters.get("stream") ?? "")) return undefined;
  const as = parameters.get("as") ?? "";
  if (as === "") return { format, as: "" };
  if (parameters.get("g") !== "meta.k8s.io" || parameters.get("v") !== "v1") return undefined;
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return { format, as };
  // A Table's cells are any JSON: it has no protobuf form.
  return as === "Table" && format !== "protobuf" ? { format, as } : undefined;
}

function formatOf(type: string, hasProtobuf: boolean): Format | undefined {
  if (type === "*/*" || type === "application/*") return "json";
  const format = MEDIA_TYPES.find(([mediaType]) => mediaType === type)?.[1];
  return format === "protobuf" && !hasProtobuf ? undefined : format;
}

function isStream(format: Format, stream: string): boolean {
  return stream === "" || (stream === "watch" && format !== "yaml");
}

/** `?pretty=true`, and browsers and curl, which people read. */
export function wantsPretty(query: URLSearchParams, userAgent: string): boolean {
  const asked = query.get("pretty");
  if (asked !== null) return asked !== "false" && asked !== "0";
  return /^(curl|Wget|Mozilla)/.test(userAgent);
}
