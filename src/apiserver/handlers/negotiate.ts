/** Reading `Accept`: in which format and in which form a client wants its answer. @module */
import { PROTOBUF_MEDIA_TYPE, StatusError } from "#apimachinery";
import { CLAUSES_MAX, parseClause, type AcceptClause } from "../http/accept-clause.ts";

export interface MediaType<F extends Format = Format> {
  readonly format: F;
  /** `as=Table;g=meta.k8s.io;v=v1`: another form of the same objects. */
  readonly as: "" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Of meta.k8s.io, in which `as` is shown; absent: v1. */
  readonly version?: "v1beta1";
  /** `pretty=1`. */
  readonly pretty?: true;
}

export type TextFormat = "json" | "yaml";
export type Format = TextFormat | "protobuf";
/** What can be written as protobuf: of built-in kinds all, of custom resources their metadata. */
export type ProtobufForms = "none" | "metadata" | "all";

const JSON_TYPE = { format: "json", as: "" } as const;
/** In the order in which a wildcard takes them. */
const MEDIA_TYPES: readonly (readonly [type: string, format: Format])[] = [
  ["application/json", "json"],
  ["application/yaml", "yaml"],
  [PROTOBUF_MEDIA_TYPE, "protobuf"],
];

/** Most requests come with one of a few headers: parsed once. */
const parsed: Readonly<Record<ProtobufForms, Map<string, MediaType | undefined>>> = {
  none: new Map(),
  metadata: new Map(),
  all: new Map(),
};
const PARSED_MAX = 256;

/** The best form in text that the server has. Throws NotAcceptable when there is none. */
export function negotiate(accept: string, isWatch = false): MediaType<TextFormat> {
  return best(accept, isWatch, "none") as MediaType<TextFormat>;
}

/** Like `negotiate`, for what can also be written as protobuf. */
export function negotiateAny(
  accept: string,
  isWatch = false,
  forms: Exclude<ProtobufForms, "none"> = "all",
): MediaType {
  return best(accept, isWatch, forms);
}

/** For values that belong to no resource and so have no Table (reviews, Scale): the best of the other forms. */
export function negotiateValue(accept: string, hasProtobuf: boolean): MediaType {
  const forms = hasProtobuf ? "all" : "none";
  const type = best(accept, false, forms);
  if (type.as !== "Table") return type;
  const others = accept
    .split(",", CLAUSES_MAX)
    .filter((clause) => parseClause(clause).parameters.get("as") !== "Table");
  if (others.length === 0) throw notAcceptable(false, hasProtobuf);
  return best(others.join(","), false, forms);
}

function best(accept: string, isWatch: boolean, forms: ProtobufForms): MediaType {
  if (accept === "" || accept === "*/*" || accept === "application/json") return JSON_TYPE;
  const known = parsed[forms];
  let type = known.get(accept);
  if (type === undefined) {
    type = firstSupported(accept, forms);
    if (known.size < PARSED_MAX) known.set(accept, type);
  }
  if (type !== undefined && !(isWatch && type.format === "yaml")) return type;
  throw notAcceptable(isWatch, forms !== "none");
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

function firstSupported(accept: string, forms: ProtobufForms): MediaType | undefined {
  const clauses = accept.split(",", CLAUSES_MAX).map(parseClause);
  const preferred = clauses.toSorted((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
  for (const clause of preferred) {
    const type = supported(clause, forms);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** Of two types of the same quality the one that says more counts more. */
function wildcards({ type }: AcceptClause): number {
  return type.startsWith("*/") ? 2 : type.endsWith("/*") ? 1 : 0;
}

function supported({ type, parameters }: AcceptClause, forms: ProtobufForms): MediaType | undefined {
  const format = formatOf(type, forms !== "none");
  if (format === undefined || !isStream(format, parameters.get("stream") ?? "")) return undefined;
  if (![undefined, "", "v1"].includes(parameters.get("sv"))) return undefined;
  const pretty = parameters.get("pretty") === "1" && { pretty: true as const };
  const isConverted = ["as", "g", "v"].some((name) => parameters.has(name));
  if (!isConverted) {
    return format === "protobuf" && forms !== "all" ? undefined : { format, as: "", ...pretty };
  }
  const as = formOf(parameters.get("as"));
  const version = parameters.get("v");
  if (as === undefined || parameters.get("g") !== "meta.k8s.io") return undefined;
  if (version !== "v1" && version !== "v1beta1") return undefined;
  // A Table's cells are any JSON: it has no protobuf form.
  if (as === "Table" && format === "protobuf") return undefined;
  return { format, as, ...(version === "v1beta1" && { version }), ...pretty };
}

function formOf(as: string | undefined): Exclude<MediaType["as"], ""> | undefined {
  const isForm = as === "Table" || as === "PartialObjectMetadata" || as === "PartialObjectMetadataList";
  return isForm ? as : undefined;
}

function formatOf(type: string, hasProtobuf: boolean): Format | undefined {
  if (type === "*/*" || type === "application/*") return "json";
  const format = MEDIA_TYPES.find(([mediaType]) => mediaType === type)?.[1];
  return format === "protobuf" && !hasProtobuf ? undefined : format;
}

function isStream(format: Format, stream: string): boolean {
  return stream === "" || (stream === "watch" && format !== "yaml");
}

/** `?pretty=true` (what else Go reads as true, and nothing that it does not), and browsers and curl, which people read. */
export function wantsPretty(query: URLSearchParams, userAgent: string): boolean {
  const asked = query.get("pretty") ?? "";
  if (asked !== "") return /^(1|t|T|TRUE|true|True)$/.test(asked);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent);
}
