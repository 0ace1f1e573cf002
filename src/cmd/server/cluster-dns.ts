/** The Service `kube-dns`, by which every tool finds cluster DNS. Its pods are the agents' own. @module */
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { nthIp, parseIpRanges } from "#api/validation/ip-range";
import { isNotFound, unless } from "#apimachinery";
import type { Client } from "#client";

const DNS_OFFSET = 10;
/** Nodes show the metrics of DNS over TLS, with the kubelet's certificate. */
const SCHEME = "prometheus.io/scheme";

/** The tenth address of the first range, as kubeadm chooses it: its Service is of one family in clusters of two, too. */
export function dnsAddress(serviceCIDR: string): string {
  return nthIp(parseIpRanges(serviceCIDR)[0]!, DNS_OFFSET);
}

export async function ensureClusterDns(
  client: Client,
  serviceCIDR: string,
  signal: AbortSignal,
): Promise<void> {
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      annotations: {
        "prometheus.io/port": "9153",
        [SCHEME]: "https",
        "prometheus.io/scrape": "true",
      },
      labels: {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "kubernetes.io/name": "CoreDNS",
      },
    },
    spec: {
      selector: { "k8s-app": "kube-dns" },
      clusterIP: dnsAddress(serviceCIDR),
      ports: [
        { name: "dns", port: 53, targetPort: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, targetPort: 53, protocol: "TCP" },
        { name: "metrics", port: 9153, targetPort: 9153, protocol: "TCP" },
      ],
    },
  };
  // asked first: creating it again would fail on its own address before it fails on its name
  const existing = await unless(isNotFound, client.get(Services, service.metadata, signal));
  if (existing === undefined) await client.create(Services, service, signal);
  else if (existing.metadata.annotations?.[SCHEME] === undefined) {
    // of a server before it; what somebody else has chosen stays
    const body = { metadata: { annotations: { [SCHEME]: "https" } } };
    await client.patch(Services, service.metadata, { type: "merge", body }, signal);
  }
}
