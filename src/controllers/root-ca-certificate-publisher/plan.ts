/** What the ConfigMap with the cluster's root certificates has to be. @module */
import type { ConfigMap, Namespace } from "#api/core/v1/types.gen";

export const ROOT_CA_CONFIG_MAP = "kube-root-ca.crt";

const DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

export type Action =
  | { readonly type: "none" }
  | { readonly type: "create" | "update"; readonly configMap: ConfigMap };

/** Other annotations stay; other data does not. */
export function plan(namespace: Namespace, existing: ConfigMap | undefined, rootCA: string): Action {
  const isActive =
    namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== "Terminating";
  if (!isActive) return { type: "none" };
  const data = { "ca.crt": rootCA };
  const annotations = { ...existing?.metadata.annotations, "kubernetes.io/description": DESCRIPTION };
  if (existing === undefined) {
    const metadata = { name: ROOT_CA_CONFIG_MAP, namespace: namespace.metadata.name, annotations };
    return { type: "create", configMap: { apiVersion: "v1", kind: "ConfigMap", metadata, data } };
  }
  const hasData = Object.keys(existing.data ?? {}).length === 1 && existing.data?.["ca.crt"] === rootCA;
  const hasDescription = existing.metadata.annotations?.["kubernetes.io/description"] !== undefined;
  if (hasData && hasDescription) return { type: "none" };
  return {
    type: "update",
    configMap: { ...existing, metadata: { ...existing.metadata, annotations }, data },
  };
}
