/** Reading `Accept`: in which format and in which form a client wants its answer. @module */
import { StatusError } from "#apimachinery";

export interface MediaType {
  readonly format: "json" | "yaml";
  /** `as=Table;g=meta.k8s.io;v=v1`: another form of the same objects. */
  readonly as: "" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
}

const JSON_TYPE: MediaType = { format: "json", as: "" };
const ACCEPTED = "application/json, application/yaml";
/** A header longer than this is not read on: it is no honest list of preferences. */
const CLAUSES_MAX = 32;

/** Most requests come with one of a few headers: parsed once. */
const parsed = new Map<string, MediaType | undefined>();
const PARSED_MAX = 256;

/** The best form that the server has. Throws NotAcceptable when there is none. */
export function negotiate(accept: string, isWatch = false): MediaType {
  if (accept === "" || accept === "*/*" || accept === "application/json") return JSON_TYPE;
  let type = parsed.get(accept);
  if (type === undefined) {
    type = firstSupported(accept);
    if (parsed.size < PARSED_MAX) parsed.set(accept, type);
  }
  if (type !== undefined && !(isWatch && type.format === "yaml")) return type;
  const list = isWatch ? "application/json;stream=watch" : ACCEPTED;
  throw new StatusError("NotAcceptable", `only the following media types are accepted: ${list}`);
}

function firstSupported(accept: string): MediaType | undefined {
  const clauses = accept.split(",", CLAUSES_MAX).map(parseClause);
  const preferred = clauses.toSorted((a, b) => b.quality - a.quality);
  for (const clause of preferred) {
    const type = supported(clause);
    if (type !== undefined) return type;
  }
  return undefined;
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

function supported({ type, parameters }: Clause): MediaType | undefined {
  const format = formatOf(type);
  if (format === undefined) return undefined;
  const as = parameters.get("as") ?? "";
  if (as === "") return { format, as: "" };
  if (parameters.get("g") !== "meta.k8s.io" || parameters.get("v") !== "v1") return undefined;
  if (as !== "Table" && as !== "PartialObjectMetadata" && as !== "PartialObjectMetadataList")
    return undefined;
  return { format, as };
}

function formatOf(type: string): MediaType["format"] | undefined {
  if (type === "application/json" || type === "*/*" || type === "application/*") return "json";
  return type === "application/yaml" ? "yaml" : undefined;
}

/** `?pretty=true`, and browsers and curl, which people read. */
export function wantsPretty(query: URLSearchParams, userAgent: string): boolean {
  const asked = query.get("pretty");
  if (asked !== null) return asked !== "false" && asked !== "0";
  return /^(curl|Wget|Mozilla)/.test(userAgent);
}
