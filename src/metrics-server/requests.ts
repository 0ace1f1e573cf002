/** Answers requests below `/apis/metrics.k8s.io/v1beta1`. @module */
import { badRequest, fields, labels, messageOf, notFound, StatusError, type KubeObject } from "#apimachinery";
import { apiResourceList } from "./discovery.ts";
import { tableOf, tableVersion, type IncludeObject } from "./table.ts";
import { API_VERSION, GROUP, VERSION, type NodeMetrics, type PodMetrics } from "./types.ts";

/** Authorized already. */
export interface MetricsRequest {
  readonly method: string;
  /** Absolute, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header; "" without. */
  readonly accept: string;
}

export interface MetricsAnswer {
  readonly status: number;
  readonly value: unknown;
}

/** What was measured; undefined: no such object, or not measured yet. */
export interface MetricsReader {
  readonly node: (name: string) => NodeMetrics | undefined;
  readonly nodes: (wanted: Wanted) => Promise<readonly NodeMetrics[]>;
  readonly pod: (namespace: string, name: string) => PodMetrics | undefined;
  /** Of a namespace, or of all. */
  readonly pods: (namespace: string | undefined, wanted: Wanted) => Promise<readonly PodMetrics[]>;
}

export type Wanted = (object: Pick<KubeObject, "metadata">) => boolean;

const PREFIX = `/apis/${GROUP}/${VERSION}`;

/** Rejects with StatusError. */
export async function answerRequest(request: MetricsRequest, reader: MetricsReader): Promise<MetricsAnswer> {
  const { method, path, query } = request;
  const segments = path
    .slice(PREFIX.length)
    .split("/")
    .filter((segment) => segment !== "");
  if (method !== "GET" && method !== "HEAD") throw methodNotAllowed();
  if (segments.length === 0) return { status: 200, value: apiResourceList };
  const isScoped = segments[0] === "namespaces" && segments.length > 2;
  const namespace = isScoped ? segments[1] : undefined;
  const [resource, name, ...rest] = isScoped ? segments.slice(2) : segments;
  const isNode = resource === "nodes" && namespace === undefined;
  const isPod = resource === "pods" && (name === undefined || namespace !== undefined);
  if ((!isNode && !isPod) || rest.length > 0) throw unknownPath();
  if (name !== undefined) {
    const found = isNode ? reader.node(name) : reader.pod(namespace!, name);
    if (found !== undefined) return shown(request, [found], found);
    const key = isNode ? name : `${namespace}/${name}`;
    throw notFound({ group: GROUP, resource: isNode ? "nodemetrics" : "podmetrics" }, key);
  }
  if (isTrue(query.get("watch"))) throw methodNotAllowed();
  const wanted = selection(query);
  const items = await (isNode ? reader.nodes(wanted) : reader.pods(namespace, wanted));
  const kind = isNode ? "NodeMetricsList" : "PodMetricsList";
  return shown(request, items, { kind, apiVersion: API_VERSION, metadata: {}, items });
}

function shown(
  { accept, query }: MetricsRequest,
  objects: readonly (NodeMetrics | PodMetrics)[],
  value: unknown,
): MetricsAnswer {
  const version = tableVersion(accept);
  if (version === undefined) return { status: 200, value };
  return { status: 200, value: tableOf(objects, version, includeObject(query.get("includeObject") ?? "")) };
}

function includeObject(text: string): IncludeObject {
  switch (text) {
    case "":
    case "Metadata":
      return "Metadata";
    case "None":
    case "Object":
      return text;
    default:
      throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`);
  }
}

function selection(query: URLSearchParams): Wanted {
  const byLabels = parsed(() => labels.parse(query.get("labelSelector") ?? ""));
  const byFields = parsed(() => fields.parse(query.get("fieldSelector") ?? ""));
  for (const { field } of byFields) {
    if (!isKnownField(field)) throw badRequest(`field label not supported: ${field}`);
  }
  return ({ metadata }) =>
    labels.matches(byLabels, metadata.labels) &&
    fields.matches(byFields, (field) =>
      field === "metadata.name" ? metadata.name : (metadata.namespace ?? ""),
    );
}

function isKnownField(field: string): boolean {
  return field === "metadata.name" || field === "metadata.namespace";
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (err) {
    throw badRequest(messageOf(err));
  }
}

function isTrue(text: string | null): boolean {
  return text === "" || text === "true" || text === "1";
}

function methodNotAllowed(): StatusError {
  const message = "the server does not allow this method on the requested resource";
  return new StatusError("MethodNotAllowed", message, { details: {} });
}

function unknownPath(): StatusError {
  return new StatusError("NotFound", "the server could not find the requested resource", { details: {} });
}
