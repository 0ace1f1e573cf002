/** How stored objects become what a client asked to see: themselves, another version, Table rows, or metadata alone. @module */
import {
  badRequest,
  field,
  PROTOBUF_MEDIA_TYPE,
  StatusError,
  type Clock,
  type Kind,
  type KubeObject,
} from "#apimachinery";
import { isCustomKind } from "../registry/custom-kind.ts";
import { META_GROUP, partialMetadataForm, protobufFormOfKind } from "../serialization/protobuf-form.ts";
import {
  headerValue,
  queryValue,
  type ApiRequest,
  type ListMetadata,
  type Representation,
} from "./request.ts";
import { negotiateAny, wantsPretty, type MediaType } from "./negotiate.ts";
import { bookmarkRow, columnDefinitions, tableRow, type IncludeObject } from "./table.ts";

export interface RepresentationOptions {
  readonly kind: Kind;
  /** From the stored version to the one asked for; absent: they are the same. */
  readonly convert: ((object: KubeObject) => KubeObject) | undefined;
  readonly clock: Clock;
  readonly verb: "object" | "list" | "watch";
}

export function representationOf(request: ApiRequest, options: RepresentationOptions): Representation {
  const isWatch = options.verb === "watch";
  const protobuf = protobufFormOfKind(options.kind);
  const accept = headerValue(request, "accept");
  const type = negotiateAny(accept, isWatch, protobuf === undefined ? "metadata" : "all");
  const isPretty = type.pretty ?? wantsPretty(request.query, headerValue(request, "user-agent"));
  const pretty = isPretty && !isWatch;
  const { format } = type;
  const base: Representation =
    format === "protobuf"
      ? { contentType: protobufContentType(isWatch), format, pretty: false, ...(protobuf && { protobuf }) }
      : { contentType: `application/${format}`, format, pretty };
  switch (type.as) {
    case "":
      if (options.convert === undefined) return base;
      return { ...base, transform: options.convert };
    case "Table":
      return tableRepresentation(request, base, type, options);
    case "PartialObjectMetadata":
    case "PartialObjectMetadataList":
    default:
      return partialRepresentation(base, type, options);
  }
}

function protobufContentType(isWatch: boolean): string {
  return isWatch ? `${PROTOBUF_MEDIA_TYPE};stream=watch` : PROTOBUF_MEDIA_TYPE;
}

function metaVersion({ version }: MediaType): string {
  return `${META_GROUP}/${version ?? "v1"}`;
}

function tableRepresentation(
  request: ApiRequest,
  base: Representation,
  type: MediaType,
  { kind, clock, verb, convert }: RepresentationOptions,
): Representation {
  const apiVersion = metaVersion(type);
  const includeObject = includeObjectOf(queryValue(request, "includeObject"));
  const askedMs = clock.now();
  const row = (object: KubeObject): unknown => {
    // a watch goes on, and so do the ages that it shows
    const nowMs = verb === "watch" ? clock.now() : askedMs;
    return tableRow(kind, convert?.(object) ?? object, { nowMs, includeObject, apiVersion });
  };
  let definitions: readonly unknown[] | null = columnDefinitions(kind);
  if (verb === "list") {
    return {
      ...base,
      transform: row,
      ...(kind.tableOrder !== undefined && { order: kind.tableOrder }),
      list: (metadata) => ({
        head: `{"kind":"Table","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${JSON.stringify(definitions)},"rows":[`,
        tail: "]}",
      }),
    };
  }
  const transform = (object: KubeObject): unknown => {
    const table = {
      kind: "Table",
      apiVersion,
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: definitions,
      // A bookmark has no name, and nothing to be shown in cells.
      rows: [object.metadata.name === undefined ? bookmarkRow(object, apiVersion) : row(object)],
    };
    // The columns of a watch are told once.
    if (verb === "watch") definitions = null;
    return table;
  };
  return { ...base, transform };
}

function partialRepresentation(
  base: Representation,
  type: MediaType,
  { kind, verb }: RepresentationOptions,
): Representation {
  const { as } = type;
  const isListed = verb === "list";
  // Clients ask for either form on watches of lists.
  if (verb !== "watch" && isListed !== (as === "PartialObjectMetadataList")) {
    const what = `${isListed ? "a" : "not a"} list (${goType(kind, isListed)})`;
    throw new StatusError("NotAcceptable", `you requested ${as}, but the requested object is ${what}`);
  }
  const apiVersion = metaVersion(type);
  return {
    ...base,
    ...(base.format === "protobuf" && { protobuf: partialMetadataForm(apiVersion) }),
    transform: (object) => partialMetadata(object, apiVersion),
    ...(isListed && {
      list: (metadata: ListMetadata) => ({
        head: `{"kind":"PartialObjectMetadataList","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
        tail: "]}",
      }),
    }),
  };
}

function partialMetadata(object: KubeObject, apiVersion: string): unknown {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata };
}

/** What upstream's message calls an object. */
function goType(kind: Kind, isListed: boolean): string {
  if (isCustomKind(kind)) return `*unstructured.Unstructured${isListed ? "List" : ""}`;
  const group = kind.group === "" ? "core" : kind.group.split(".", 1)[0]!;
  return `*${group}.${kind.kind}${isListed ? "List" : ""}`;
}

export function includeObjectOf(text: string): IncludeObject {
  if (text === "" || text === "Metadata") return "Metadata";
  if (text === "None" || text === "Object") return text;
  const cause = field.invalid("includeObject", text, "must be 'Metadata', 'Object', 'None', or empty");
  throw badRequest(`Unable to convert to Table as requested: ${cause.field}: ${cause.message}`);
}
