/** What OpenAPI tells of `metrics.k8s.io/v1beta1`: enough for `kubectl explain` and for typed clients. Pure data. @module */
import { GROUP, VERSION } from "./types.ts";

type Schema = Readonly<Record<string, unknown>>;

const PREFIX = `/apis/${GROUP}/${VERSION}`;
const PACKAGE = "io.k8s.metrics.pkg.apis.metrics.v1beta1";
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

const text = (description: string, format?: string): Schema => ({
  type: "string",
  description,
  ...(format !== undefined && { format }),
});
const usage: Schema = {
  type: "object",
  additionalProperties: { type: "string" },
  description: "Amounts by resource: cpu in cores, memory as working set in bytes",
};
const measured: Readonly<Record<string, Schema>> = {
  timestamp: text("End of the time that was measured", "date-time"),
  window: text("Length of the time that was measured; the usage of CPU is its average over it"),
};

function definitions(refPrefix: string): Readonly<Record<string, Schema>> {
  const ref = (name: string): Schema => ({ $ref: `${refPrefix}${name}` });
  const object = (
    kind: string,
    description: string,
    properties: Readonly<Record<string, Schema>>,
  ): Schema => ({
    type: "object",
    description,
    properties: { apiVersion: text("Version of the schema"), kind: text("What it is"), ...properties },
    "x-kubernetes-group-version-kind": [{ group: GROUP, version: VERSION, kind }],
  });
  const list = (kind: string): Schema =>
    object(`${kind}List`, `A list of ${kind}`, {
      metadata: ref(`${META}.ListMeta`),
      items: { type: "array", items: ref(`${PACKAGE}.${kind}`) },
    });
  const metadata = ref(`${META}.ObjectMeta`);
  return {
    [`${PACKAGE}.ContainerMetrics`]: {
      type: "object",
      description: "What one container uses",
      properties: { name: text("Name of the container"), usage },
    },
    [`${PACKAGE}.NodeMetrics`]: object("NodeMetrics", "What a node uses", { metadata, ...measured, usage }),
    [`${PACKAGE}.NodeMetricsList`]: list("NodeMetrics"),
    [`${PACKAGE}.PodMetrics`]: object("PodMetrics", "What the containers of a pod use", {
      metadata,
      ...measured,
      containers: { type: "array", items: ref(`${PACKAGE}.ContainerMetrics`) },
    }),
    [`${PACKAGE}.PodMetricsList`]: list("PodMetrics"),
    [`${META}.ListMeta`]: { type: "object", properties: { resourceVersion: { type: "string" } } },
    [`${META}.ObjectMeta`]: {
      type: "object",
      properties: {
        name: { type: "string" },
        namespace: { type: "string" },
        labels: { type: "object", additionalProperties: { type: "string" } },
        creationTimestamp: { type: "string", format: "date-time" },
      },
    },
  };
}

/** Path -> the kind that is read there, and its parameters. */
const PATHS: readonly (readonly [string, string])[] = [
  ["/nodes", "NodeMetricsList"],
  ["/nodes/{name}", "NodeMetrics"],
  ["/pods", "PodMetricsList"],
  ["/namespaces/{namespace}/pods", "PodMetricsList"],
  ["/namespaces/{namespace}/pods/{name}", "PodMetrics"],
];

function paths(
  answer: (kind: string) => Schema,
  parameter: (name: string) => Schema,
): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    PATHS.map(([path, kind]) => [
      `${PREFIX}${path}`,
      {
        get: {
          operationId: operationId(path, kind),
          tags: ["metrics_v1beta1"],
          "x-kubernetes-action": kind.endsWith("List") ? "list" : "get",
          "x-kubernetes-group-version-kind": {
            group: GROUP,
            version: VERSION,
            kind: kind.replace(/List$/, ""),
          },
          responses: { 200: { description: "OK", ...answer(kind) } },
        },
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => parameter(name)),
      },
    ]),
  );
}

function operationId(path: string, kind: string): string {
  const verb = kind.endsWith("List") ? "list" : "read";
  const scope = path.includes("{namespace}") ? "Namespaced" : "";
  const everywhere = path === "/pods" ? "ForAllNamespaces" : "";
  return `${verb}MetricsV1beta1${scope}${kind.replace(/List$/, "")}${everywhere}`;
}

const info = { title: "Kubernetes metrics", version: VERSION };

export const openApiV2: object = {
  swagger: "2.0",
  info,
  paths: paths(
    (kind) => ({ schema: { $ref: `#/definitions/${PACKAGE}.${kind}` } }),
    (name) => ({ name, in: "path", required: true, type: "string", uniqueItems: true }),
  ),
  definitions: definitions("#/definitions/"),
};

export const openApiV3: object = {
  openapi: "3.0.0",
  info,
  paths: paths(
    (kind) => ({
      content: { "application/json": { schema: { $ref: `#/components/schemas/${PACKAGE}.${kind}` } } },
    }),
    (name) => ({ name, in: "path", required: true, schema: { type: "string" } }),
  ),
  components: { schemas: definitions("#/components/schemas/") },
};
