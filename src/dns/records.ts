/** The DNS records of one Service, by the Kubernetes DNS specification 1.1. Pure. @module */
import type { Service, ServicePort } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import { ipv6Bytes } from "./ipv6-bytes.ts";

export type RecordData =
  | { readonly type: "A" | "AAAA" | "CNAME" | "PTR" | "TXT"; readonly data: string }
  | {
      readonly type: "SRV";
      readonly data: {
        readonly priority: 0;
        readonly weight: number;
        readonly port: number;
        readonly target: string;
      };
    };

export interface NamedRecord {
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly record: RecordData;
}

export function recordsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  domain: string,
): readonly NamedRecord[] {
  const base = `${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`;
  const { type, externalName, clusterIP } = service.spec ?? {};
  if (type === "ExternalName") {
    const data = (externalName ?? "").replace(/\.$/, "");
    return data === "" ? [] : [{ name: base, record: { type: "CNAME", data } }];
  }
  if (clusterIP === "None") return headlessRecords(service, slices, base);
  const addresses = service.spec?.clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  const valid = addresses.filter((address) => address !== "");
  if (valid.length === 0) return [];
  return [
    ...valid.map((address) => ({ name: base, record: addressRecord(address) })),
    ...valid.map((address) => ({ name: reverseName(address), record: { type: "PTR" as const, data: base } })),
    ...(service.spec?.ports ?? []).flatMap((port) => srvRecord(port, port.port, base, base, 1)),
  ];
}

/** Every ready endpoint under the service's name, and each under a name of its own. */
function headlessRecords(
  service: Service,
  slices: readonly EndpointSlice[],
  base: string,
): readonly NamedRecord[] {
  const isPublished = (endpoint: Endpoint): boolean =>
    service.spec?.publishNotReadyAddresses === true || endpoint.conditions?.ready !== false;
  const records: NamedRecord[] = [];
  const add = (name: string, record: RecordData): void => void records.push({ name, record });
  const count = slices.reduce((sum, slice) => sum + (slice.endpoints ?? []).filter(isPublished).length, 0);
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue;
    for (const endpoint of (slice.endpoints ?? []).filter(isPublished)) {
      for (const address of endpoint.addresses) {
        const target = `${endpointLabel(endpoint, address)}.${base}`;
        add(base, addressRecord(address));
        add(target, addressRecord(address));
        if ((endpoint.hostname ?? "") !== "") add(reverseName(address), { type: "PTR", data: target });
        for (const port of slice.ports ?? []) {
          if (port.port === undefined) continue;
          records.push(...srvRecord(port, port.port, base, target, Math.max(1, Math.floor(100 / count))));
        }
      }
    }
  }
  return unique(records);
}

function srvRecord(
  port: Pick<ServicePort, "name" | "protocol">,
  number: number,
  base: string,
  target: string,
  weight: number,
): readonly NamedRecord[] {
  const { name, protocol = "TCP" } = port;
  if (name === undefined || name === "") return [];
  const owner = `_${name}._${protocol.toLowerCase()}.${base}`;
  const record = { type: "SRV" as const, data: { priority: 0 as const, weight, port: number, target } };
  return [{ name: owner, record }];
}

export function addressRecord(address: string): RecordData {
  return { type: address.includes(":") ? "AAAA" : "A", data: address };
}

/** `1.0.96.10.in-addr.arpa` for 10.96.0.1; nibbles under ip6.arpa for IPv6. */
export function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  const nibbles = ipv6Bytes(address).toString("hex");
  return `${nibbles.split("").toReversed().join(".")}.ip6.arpa`;
}

/** The endpoint's hostname, or its address with dashes, as CoreDNS names it. */
function endpointLabel(endpoint: Endpoint, address: string): string {
  return (endpoint.hostname ?? "") === "" ? address.replaceAll(/[.:]/g, "-") : endpoint.hostname!;
}

function unique(records: readonly NamedRecord[]): readonly NamedRecord[] {
  const seen = new Map(records.map((entry) => [JSON.stringify(entry), entry]));
  return [...seen.values()];
}
