/**
 * What must hold before the first pod and as long as the node lives: no packet for a pod or service address of the cluster
 * leaves by the machine's uplink, and pods that talk to the world outside do so with the node's address.
 * @module
 */
import { PROTO } from "./route-mark.ts";

export const TABLE = "ip k8ts-network";
/** Takes packets for service addresses that no rule translates, and lets them die. A bridge without ports: dummy devices are not in every kernel. */
export const SERVICE_INTERFACE = "k8ts-svc";
/** Real routes to pods are more specific or cheaper than the one that refuses the whole range. */
const LAST_METRIC = 4_294_967_295;

export interface LeakGuardOptions {
  readonly nodeIP: string;
  readonly clusterCIDR: string;
  readonly serviceCIDR: string;
}

/** `ip -batch` lines; safe to repeat. `src` makes local processes use the node's address when they call a service. */
export function guardRoutes(options: LeakGuardOptions, hasServiceInterface: boolean): readonly string[] {
  return [
    ...(hasServiceInterface ? [] : [`link add ${SERVICE_INTERFACE} type bridge`]),
    `link set ${SERVICE_INTERFACE} up`,
    `route replace ${options.serviceCIDR} dev ${SERVICE_INTERFACE} src ${options.nodeIP} proto ${PROTO}`,
    `route replace unreachable ${options.clusterCIDR} proto ${PROTO} metric ${LAST_METRIC}`,
  ];
}

/** Lines for ranges of ServiceCIDRs that came or went: packets for them must not leave by the uplink either. */
export function rangeLines(
  { nodeIP, serviceCIDR }: LeakGuardOptions,
  old: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): readonly string[] {
  const line = (range: string): string => `${range} dev ${SERVICE_INTERFACE} src ${nodeIP} proto ${PROTO}`;
  const gone = [...old].filter((range) => !wanted.has(range) && range !== serviceCIDR);
  const added = [...wanted].filter((range) => !old.has(range) && range !== serviceCIDR);
  return [
    ...gone.map((range) => `route del ${line(range)}`),
    ...added.map((range) => `route replace ${line(range)}`),
  ];
}

/** Pods reach pods, services and nodes with their own address, everything else with the node's. */
export function masqueradeTable(
  { clusterCIDR, serviceCIDR }: LeakGuardOptions,
  nodeIPs: Iterable<string>,
): string {
  const elements = [...nodeIPs];
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    `add set ${TABLE} node-ips { type ipv4_addr ; }`,
    ...(elements.length > 0 ? [`add element ${TABLE} node-ips { ${elements.join(" , ")} }`] : []),
    `add chain ${TABLE} postrouting { type nat hook postrouting priority 110 ; }`,
    `add rule ${TABLE} postrouting ip saddr != ${clusterCIDR} return`,
    `add rule ${TABLE} postrouting ip daddr ${clusterCIDR} return`,
    `add rule ${TABLE} postrouting ip daddr ${serviceCIDR} return`,
    `add rule ${TABLE} postrouting ip daddr @node-ips return`,
    `add rule ${TABLE} postrouting ip daddr 224.0.0.0/4 return`,
    `add rule ${TABLE} postrouting masquerade fully-random`,
    "",
  ].join("\n");
}

/** nft lines for nodes that came or went. */
export function nodeElements(old: ReadonlySet<string>, wanted: ReadonlySet<string>): string {
  const added = [...wanted].filter((ip) => !old.has(ip));
  const gone = [...old].filter((ip) => !wanted.has(ip));
  const lines = [
    ...(added.length > 0 ? [`add element ${TABLE} node-ips { ${added.join(" , ")} }\n`] : []),
    ...(gone.length > 0 ? [`delete element ${TABLE} node-ips { ${gone.join(" , ")} }\n`] : []),
  ];
  return lines.join("");
}
