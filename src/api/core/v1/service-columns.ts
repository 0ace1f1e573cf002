/** The address and port columns of services. @module */
import { sorted } from "#apimachinery";
import type { Service } from "./types.gen.ts";

export function clusterIp({ spec }: Service): string {
  return spec?.clusterIPs?.[0] ?? "<none>";
}

export function externalIp(service: Service): string {
  const { type, externalIPs = [], externalName = "" } = service.spec ?? {};
  switch (type ?? "") {
    case "ClusterIP":
    case "NodePort":
      return externalIPs.length > 0 ? externalIPs.join(",") : "<none>";
    case "LoadBalancer": {
      const all = [...loadBalancerAddresses(service), ...externalIPs];
      return all.length > 0 ? all.join(",") : "<pending>";
    }
    case "ExternalName":
      return externalName;
    default:
      return "<unknown>";
  }
}

function loadBalancerAddresses({ status }: Service): readonly string[] {
  const addresses = (status?.loadBalancer?.ingress ?? []).map((i) => i.ip || (i.hostname ?? ""));
  return sorted(new Set(addresses.filter((address) => address !== "")));
}

export function ports({ spec }: Service): string {
  const shown = (spec?.ports ?? []).map(({ port, nodePort = 0, protocol = "" }) =>
    nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return shown.length === 0 ? "<none>" : shown.join(",");
}
