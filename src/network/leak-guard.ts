/**
 * What must hold before the first pod and as long as the node lives: no packet for a pod or service address of the cluster
 * leaves by the machine's uplink, and pods that talk to the world outside do so with the node's address.
 * @module
 */
import { familyOf } from "#api/validation/ip-range";
import { ofFamily, type Addresses, type NftFamily } from "./address-family.ts";
import { PROTO } from "./route-mark.ts";

/** Takes packets for service addresses that no rule translates, and lets them die. A bridge without ports: dummy devices are not in every kernel. */
export const SERVICE_INTERFACE = "k8ts-svc";
/** Real routes to pods are more specific or cheaper than the one that refuses the whole range. */
const LAST_METRIC = 4_294_967_295;
/** What no router forwards, or many receive. */
const NEVER_TRANSLATED: Readonly<Record<NftFamily["protocol"], readonly string[]>> = {
  ip: ["224.0.0.0/4"],
  ip6: ["fe80::/10", "ff00::/8"],
};

export function masqueradeTableName({ protocol }: NftFamily): string {
  return `${protocol} k8ts-network`;
}

/** `ip -batch` lines; safe to repeat. */
export function guardRoutes(options: Addresses, hasServiceInterface: boolean): readonly string[] {
  return [
    ...(hasServiceInterface ? [] : [`link add ${SERVICE_INTERFACE} type bridge`]),
    `link set ${SERVICE_INTERFACE} up`,
    ...options.serviceCIDRs.map((range) => `route replace ${serviceRoute(range, options)}`),
    ...options.clusterCIDRs.map(
      (range) => `route replace unreachable ${range} proto ${PROTO} metric ${LAST_METRIC}`,
    ),
  ];
}

/** Lines for ranges of ServiceCIDRs that came or went: packets for them must not leave by the uplink either. */
export function rangeLines(
  options: Addresses,
  old: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): readonly string[] {
  const { serviceCIDRs } = options;
  const gone = [...old].filter((range) => !wanted.has(range) && !serviceCIDRs.includes(range));
  const added = [...wanted].filter((range) => !old.has(range) && !serviceCIDRs.includes(range));
  return [
    ...gone.map((range) => `route del ${serviceRoute(range, options)}`),
    ...added.map((range) => `route replace ${serviceRoute(range, options)}`),
  ];
}

/** `src` makes local processes use the node's address when they call a service. */
function serviceRoute(range: string, { nodeIPs }: Addresses): string {
  const nodeIP = ofFamily(nodeIPs, familyOf(range));
  return `${range} dev ${SERVICE_INTERFACE}${nodeIP === undefined ? "" : ` src ${nodeIP}`} proto ${PROTO}`;
}

/** Pods reach pods, services and nodes with their own address, everything else with the node's. */
export function masqueradeTable(
  { clusterCIDRs, serviceCIDRs }: Addresses,
  nodeIPs: Iterable<string>,
  nft: NftFamily,
): string {
  const { family, protocol, address } = nft;
  const table = masqueradeTableName(nft);
  const own = (all: Iterable<string>): readonly string[] =>
    [...all].filter((text) => familyOf(text) === family);
  const elements = own(nodeIPs);
  const without = [...own(clusterCIDRs), ...own(serviceCIDRs), "@node-ips", ...NEVER_TRANSLATED[protocol]];
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add set ${table} node-ips { type ${address} ; }`,
    ...(elements.length > 0 ? [`add element ${table} node-ips { ${elements.join(" , ")} }`] : []),
    `add chain ${table} postrouting { type nat hook postrouting priority 110 ; }`,
    ...own(clusterCIDRs).map((range) => `add rule ${table} postrouting ${protocol} saddr != ${range} return`),
    ...without.map((target) => `add rule ${table} postrouting ${protocol} daddr ${target} return`),
    `add rule ${table} postrouting masquerade fully-random`,
    "",
  ].join("\n");
}

/** nft lines for nodes that came or went. */
export function nodeElements(old: ReadonlySet<string>, wanted: ReadonlySet<string>, nft: NftFamily): string {
  const table = masqueradeTableName(nft);
  const own = (ip: string): boolean => familyOf(ip) === nft.family;
  const added = [...wanted].filter((ip) => own(ip) && !old.has(ip));
  const gone = [...old].filter((ip) => own(ip) && !wanted.has(ip));
  const lines = [
    ...(added.length > 0 ? [`add element ${table} node-ips { ${added.join(" , ")} }\n`] : []),
    ...(gone.length > 0 ? [`delete element ${table} node-ips { ${gone.join(" , ")} }\n`] : []),
  ];
  return lines.join("");
}
