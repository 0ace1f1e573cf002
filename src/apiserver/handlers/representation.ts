/** How stored objects become what a client asked to see: themselves, another version, Table rows, or metadata alone. @module */
import { badRequest, PROTOBUF_MEDIA_TYPE, StatusError, type Kind, type KubeObject } from "#apimachinery";
import { META_V1, partialMetadataForm, protobufFormOfKind } from "../serialization/protobuf-form.ts";
import {
  headerValue,
  queryValue,
  type ApiRequest,
  type ListMetadata,
  type Representation,
} from "./request.ts";
import { negotiate, negotiateAny, wantsPretty, type MediaType } from "./negotiate.ts";
import { columnDefinitions, tableRow, type IncludeObject } from "./table.ts";

export interface RepresentationOptions {
  readonly kind: Kind;
  /** From the stored version to the one asked for; absent: they are the same. */
  readonly convert: ((object: KubeObject) => KubeObject) | undefined;
  readonly nowMs: number;
  readonly verb: "object" | "list" | "watch";
}

export function representationOf(request: ApiRequest, options: RepresentationOptions): Representation {
  const isWatch = options.verb === "watch";
  const protobuf = protobufFormOfKind(options.kind);
  const accept = headerValue(request, "accept");
  const type = protobuf === undefined ? negotiate(accept, isWatch) : negotiateAny(accept, isWatch);
  const pretty = wantsPretty(request.query, headerValue(request, "user-agent")) && !isWatch;
  const { format } = type;
  const base: Representation =
    format === "protobuf"
      ? { contentType: protobufContentType(isWatch), format, protobuf: protobuf!, pretty: false }
      : { contentType: `application/${format}`, format, pretty };
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

function protobufContentType(isWatch: boolean): string {
  return isWatch ? `${PROTOBUF_MEDIA_TYPE};stream=watch` : PROTOBUF_MEDIA_TYPE;
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
      ...(kind.tableOrder !== undefined && { order: kind.tableOrder }),
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
    ...(base.protobuf !== undefined && { protobuf: partialMetadataForm() }),
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
