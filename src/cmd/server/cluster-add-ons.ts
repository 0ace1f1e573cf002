/** What kubeadm's clusters have as add-ons, or from kubeadm itself. @module */
import { urlHost } from "#api/validation/ip-range";
import type { ApiServer } from "#apiserver";
import { ensureMetricsApi } from "#metrics-server";
import { accountClient } from "./account-client.ts";
import type { AddOn } from "./add-ons.ts";
import { CLUSTER_DNS, CLUSTER_INFO, METRICS_SERVER } from "./bootstrap-rbac.ts";
import { ensureClusterDns } from "./cluster-dns.ts";
import { ensureClusterInfo } from "./cluster-info.ts";

interface AddOnFlags {
  readonly advertiseAddress: string;
  readonly securePort: number;
  readonly serviceClusterIpRange: string;
}

type Server = Pick<ApiServer, "transport">;

/** `ca`: PEM, as it is at the moment. */
export function clusterInfo(
  server: Server,
  { advertiseAddress, securePort }: AddOnFlags,
  ca: () => string,
): AddOn {
  const client = accountClient(server, CLUSTER_INFO);
  const url = `https://${urlHost(advertiseAddress)}:${securePort}`;
  return {
    what: "the ConfigMap cluster-info",
    ensure: (signal) => ensureClusterInfo(client, { server: url, ca: ca() }, signal),
  };
}

export function clusterDns(server: Server, { serviceClusterIpRange }: AddOnFlags): AddOn {
  const client = accountClient(server, CLUSTER_DNS);
  return {
    what: "the Service kube-dns",
    ensure: (signal) => ensureClusterDns(client, serviceClusterIpRange, signal),
  };
}

export function metricsApi(server: Server): AddOn {
  const client = accountClient(server, METRICS_SERVER);
  return {
    what: "the APIService of metrics.k8s.io",
    ensure: (signal) => ensureMetricsApi(client, signal),
  };
}
