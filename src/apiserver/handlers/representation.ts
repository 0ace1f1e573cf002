/** How stored objects become what a client asked to see: themselves, another version, Table rows, or metadata alone. @module */
import { badRequest, StatusError, type Kind, type KubeObject } from "#apimachinery";
import {
  headerValue,
  queryValue,
  type ApiRequest,
  type ListMetadata,
  type Representation,
} from "./request.ts";
import { negotiate, wantsPretty, type MediaType } from "./negotiate.ts";
import { columnDefinitions, tableRow, type IncludeObject } from "./table.ts";

export interface RepresentationOptions {
  readonly kind: Kind;
  /** From the stored version to the one asked for; absent: they are the same. */
  readonly convert: ((object: KubeObject) => KubeObject) | undefined;
  readonly nowMs: number;
  readonly verb: "object" | "list" | "watch";
}

const META_V1 = "meta.k8s.io/v1";

export function representationOf(request: ApiRequest, options: RepresentationOptions): Representation {
  const type = negotiate(headerValue(request, "accept"), options.verb === "watch");
  const pretty = wantsPretty(request.query, headerValue(request, "user-agent")) && options.verb !== "watch";
  const { format } = type;
  const contentType = format === "json" ? "application/json" : "application/yaml";
  const base = { contentType, format, pretty };
  switch (type.as) {
    case "":
      if (options.convert === undefined) return base;
      return { ...base, transform: options.convert };
    case "Table":
      return tableRepresentation(request, base, options);
    case "PartialObjectMetadata":
    case "PartialObjectMetadataList":
    default:
      return partialRepresentation(base, type.as, options);
  }
}

function tableRepresentation(
  request: ApiRequest,
  base: Representation,
  { kind, nowMs, verb, convert }: RepresentationOptions,
): Representation {
  const includeObject = includeObjectOf(queryValue(request, "includeObject"));
  const definitions = columnDefinitions(kind);
  const row = (object: KubeObject): unknown =>
    tableRow(kind, convert?.(object) ?? object, nowMs, includeObject);
  if (verb === "list") {
    return {
      ...base,
      transform: row,
      list: (metadata) => ({
        head: `{"kind":"Table","apiVersion":"${META_V1}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${JSON.stringify(definitions)},"rows":[`,
        tail: "]}",
      }),
    };
  }
  const transform = (object: KubeObject): unknown => ({
    kind: "Table",
    apiVersion: META_V1,
    metadata: { resourceVersion: object.metadata.resourceVersion },
    columnDefinitions: definitions,
    // A bookmark has no name: it is no row.
    rows: object.metadata.name === undefined ? [] : [row(object)],
  });
  return { ...base, transform };
}

function partialRepresentation(
  base: Representation,
  as: MediaType["as"],
  { verb }: RepresentationOptions,
): Representation {
  if ((verb === "list") !== (as === "PartialObjectMetadataList")) {
    const isListed = verb === "list";
    // clients ask for the singular form on watches of lists
    if (isListed || verb === "object") {
      throw new StatusError(
        "NotAcceptable",
        `you requested ${as}, but the requested object is ${isListed ? "a" : "not a"} list`,
      );
    }
  }
  return {
    ...base,
    transform: (object) => partialMetadata(object),
    ...(verb === "list" && {
      list: (metadata: ListMetadata) => ({
        head: `{"kind":"PartialObjectMetadataList","apiVersion":"${META_V1}","metadata":${JSON.stringify(metadata)},"items":[`,
        tail: "]}",
      }),
    }),
  };
}

export function partialMetadata(object: KubeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: META_V1, metadata: object.metadata };
}

function includeObjectOf(text: string): IncludeObject {
  if (text === "" || text === "Metadata") return "Metadata";
  if (text === "None" || text === "Object") return text;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`);
}
