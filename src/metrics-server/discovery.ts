/** What discovery tells of `metrics.k8s.io/v1beta1`. Pure data. @module */
import { API_VERSION, GROUP, VERSION } from "./types.ts";

interface Resource {
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

const RESOURCES: readonly Resource[] = [
  { plural: "nodes", kind: "NodeMetrics", isNamespaced: false },
  { plural: "pods", kind: "PodMetrics", isNamespaced: true },
];
const VERBS = ["get", "list"];

/** As `APIResourceDiscovery`. */
export const resourceDiscovery: readonly object[] = RESOURCES.map(({ plural, kind, isNamespaced }) => ({
  resource: plural,
  responseKind: { group: GROUP, version: VERSION, kind },
  scope: isNamespaced ? "Namespaced" : "Cluster",
  singularResource: "",
  verbs: VERBS,
}));

export const apiResourceList: object = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: API_VERSION,
  resources: RESOURCES.map(({ plural, kind, isNamespaced }) => ({
    name: plural,
    singularName: "",
    namespaced: isNamespaced,
    kind,
    verbs: VERBS,
  })),
};
