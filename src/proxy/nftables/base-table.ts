/**
 * The table `ip k8ts-proxy` without any service: hooks, shared maps, and the closed service range. An address of the range
 * that no service holds is refused, so a packet for it can never leave the node.
 * @module
 */
import { MASQUERADE_MARK } from "../plan.ts";

export const TABLE = "ip k8ts-proxy";

export interface BaseTableOptions {
  readonly serviceCIDR: string;
  /** Addresses on which node ports answer. */
  readonly nodeIPs: readonly string[];
}

/** Lines for `nft -f -` that replace the whole table in one transaction. nft 1.0.6 wants a newline before each `}` of a block. */
export function baseTable({ serviceCIDR, nodeIPs }: BaseTableOptions): readonly string[] {
  const services = "ip daddr . meta l4proto . th dport vmap";
  const nodePorts = "ip daddr @nodeport-ips meta l4proto . th dport vmap";
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    `add set ${TABLE} nodeport-ips { type ipv4_addr ; }`,
    ...nodeIPs.map((ip) => `add element ${TABLE} nodeport-ips { ${ip} }`),
    `add set ${TABLE} hairpin-connections { type ipv4_addr . ipv4_addr ; }`,
    `add map ${TABLE} service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
    `add map ${TABLE} service-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add map ${TABLE} no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; }`,
    `add map ${TABLE} no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add chain ${TABLE} reject-chain`,
    `add rule ${TABLE} reject-chain meta l4proto tcp reject with tcp reset`,
    `add rule ${TABLE} reject-chain reject`,
    `add chain ${TABLE} services`,
    `add rule ${TABLE} services ${services} @service-ips`,
    `add rule ${TABLE} services ${nodePorts} @service-nodeports`,
    `add chain ${TABLE} refused`,
    `add rule ${TABLE} refused ${services} @no-endpoint-services`,
    `add rule ${TABLE} refused ip daddr ${serviceCIDR} goto reject-chain`,
    `add rule ${TABLE} refused ${nodePorts} @no-endpoint-nodeports`,
    ...hook("nat-prerouting", "type nat hook prerouting priority -100", "jump services"),
    ...hook("nat-output", "type nat hook output priority -100", "jump services"),
    ...hook(
      "nat-postrouting",
      "type nat hook postrouting priority 100",
      `meta mark & ${MASQUERADE_MARK} != 0 masquerade fully-random`,
      "ip saddr . ip daddr @hairpin-connections masquerade fully-random",
    ),
    ...["input", "forward", "output"].flatMap((name) =>
      hook(`filter-${name}`, `type filter hook ${name} priority 0`, "ct state new jump refused"),
    ),
  ];
}

function hook(chain: string, declaration: string, ...rules: readonly string[]): readonly string[] {
  return [
    `add chain ${TABLE} ${chain} { ${declaration} ; }`,
    ...rules.map((rule) => `add rule ${TABLE} ${chain} ${rule}`),
  ];
}
