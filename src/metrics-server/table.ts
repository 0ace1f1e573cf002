/** Metrics as the rows of a metav1.Table, in metrics-server's columns. Pure. @module */
import { addQuantity, formatQuantity, parseQuantity, ZERO_QUANTITY, type KubeObject } from "#apimachinery";
import type { NodeMetrics, PodMetrics, Usage } from "./types.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

interface Row {
  readonly object: NodeMetrics | PodMetrics;
  readonly usage: Usage;
}

/** The media type that asks for one: `v1` or `v1beta1` of meta.k8s.io. Undefined: an ordinary list is wanted. */
export function tableVersion(accept: string): string | undefined {
  const first = accept.split(",")[0] ?? "";
  if (!/;\s*as=Table\b/.test(first)) return undefined;
  return /;\s*v=(v1|v1beta1)\b/.exec(first)?.[1];
}

export function tableOf(
  objects: readonly (NodeMetrics | PodMetrics)[],
  version: string,
  include: IncludeObject,
): unknown {
  const rows = objects.map((object): Row => ({
    object,
    usage: "usage" in object ? object.usage : sumOf(object),
  }));
  const resources = Object.keys(rows[0]?.usage ?? {}).toSorted();
  const columnDefinitions = [
    column("Name", "name", "Name of the resource"),
    ...resources.map((resource) => column(resource, "quantity")),
    column("Window", "duration"),
  ];
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: {},
    columnDefinitions: rows.length === 0 ? [] : columnDefinitions,
    rows: rows.map(({ object, usage }) => ({
      cells: [object.metadata.name, ...resources.map((name) => usage[name] ?? "0"), object.window],
      object: shown(object, version, include),
    })),
  };
}

function column(name: string, format: string, description = ""): object {
  return { name, type: "string", format, description, priority: 0 };
}

function shown(object: KubeObject, version: string, include: IncludeObject): unknown {
  if (include === "None") return null;
  if (include === "Object") return object;
  const { metadata } = object;
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}

/** Of all containers of the pod. */
function sumOf({ containers }: PodMetrics): Usage {
  const names = new Set(containers.flatMap(({ usage }) => Object.keys(usage)));
  return Object.fromEntries(
    [...names].map((name) => {
      const amounts = containers.flatMap(({ usage }) => usage[name] ?? []);
      const sum = amounts.reduce((total, text) => addQuantity(total, parseQuantity(text)), ZERO_QUANTITY);
      return [name, formatQuantity({ ...sum, format: parseQuantity(amounts[0]!).format })];
    }),
  );
}
