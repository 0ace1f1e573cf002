/** The ConfigMap `cluster-info`, by which who joins finds the cluster; kubeadm's. @module */
import { isAlreadyExists, isNotFound, unless } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { Client } from "#client";

const REF = { namespace: "kube-public", name: "cluster-info" };

export interface ClusterInfo {
  /** Where nodes reach the API server. */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
}

/** Signatures on it are the bootstrap signer's; a moved server, or a new authority, is told to those who join. */
export async function ensureClusterInfo(
  client: Client,
  info: ClusterInfo,
  signal: AbortSignal,
): Promise<void> {
  const kubeconfig = clusterInfoKubeconfig(info);
  const existing = await unless(isNotFound, client.get(ConfigMaps, REF, signal));
  if (existing === undefined) {
    const configMap: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: REF,
      data: { kubeconfig },
    };
    await unless(isAlreadyExists, client.create(ConfigMaps, configMap, signal));
    return;
  }
  if (existing.data?.["kubeconfig"] === kubeconfig) return;
  const body = { data: { kubeconfig } };
  await client.patch(ConfigMaps, REF, { type: "merge", body }, signal);
}

/** Where the cluster is and whom to trust, and no credentials. JSON, which is YAML too. */
function clusterInfoKubeconfig({ server, ca }: ClusterInfo): string {
  const cluster = { "certificate-authority-data": Buffer.from(ca).toString("base64"), server };
  const config = {
    apiVersion: "v1",
    clusters: [{ cluster, name: "" }],
    contexts: [],
    "current-context": "",
    kind: "Config",
    users: [],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
