/**
 * The table `ip k8ts-proxy` without any service: hooks, shared maps, and the closed service ranges. An address of these
 * that no service holds is refused, so a packet for it can never leave the node.
 * @module
 */
import type { NodePortAddresses } from "../addresses.ts";
import { MASQUERADE_MARK } from "../plan.ts";

export const TABLE = "ip k8ts-proxy";

export interface BaseTableOptions {
  /** Of the server's flag; the set `service-ranges` takes those of ServiceCIDR objects besides. */
  readonly serviceCIDR: string;
  /** Where node ports answer. */
  readonly nodePorts: NodePortAddresses;
}

const ADDRESS_KEY = "type ipv4_addr . inet_proto . inet_service : verdict";
const PORT_KEY = "type inet_proto . inet_service : verdict";

/** Lines for `nft -f -` that replace the whole table in one transaction. nft 1.0.6 wants a newline before each `}` of a block. */
export function baseTable({ serviceCIDR, nodePorts }: BaseTableOptions): readonly string[] {
  const services = "ip daddr . meta l4proto . th dport vmap";
  const toNode =
    nodePorts.type === "all" ? "fib daddr type local ip daddr != 127.0.0.0/8" : "ip daddr @nodeport-ips";
  const ips = nodePorts.type === "all" ? [] : nodePorts.ips;
  return [
    `add table ${TABLE}`,
    `delete table ${TABLE}`,
    `add table ${TABLE}`,
    `add set ${TABLE} nodeport-ips { type ipv4_addr ; }`,
    ...ips.map((ip) => `add element ${TABLE} nodeport-ips { ${ip} }`),
    `add set ${TABLE} service-ranges { type ipv4_addr ; flags interval ; }`,
    `add element ${TABLE} service-ranges { ${serviceCIDR} }`,
    `add set ${TABLE} hairpin-connections { type ipv4_addr . ipv4_addr ; }`,
    `add map ${TABLE} service-ips { ${ADDRESS_KEY} ; }`,
    `add map ${TABLE} service-nodeports { ${PORT_KEY} ; }`,
    `add map ${TABLE} no-endpoint-services { ${ADDRESS_KEY} ; }`,
    `add map ${TABLE} no-endpoint-nodeports { ${PORT_KEY} ; }`,
    `add map ${TABLE} firewall-ips { ${ADDRESS_KEY} ; }`,
    `add chain ${TABLE} reject-chain`,
    `add rule ${TABLE} reject-chain meta l4proto tcp reject with tcp reset`,
    `add rule ${TABLE} reject-chain reject`,
    `add chain ${TABLE} services`,
    `add rule ${TABLE} services ${services} @service-ips`,
    `add rule ${TABLE} services ${toNode} meta l4proto . th dport vmap @service-nodeports`,
    `add chain ${TABLE} refused`,
    `add rule ${TABLE} refused ${services} @no-endpoint-services`,
    `add rule ${TABLE} refused ip daddr @service-ranges goto reject-chain`,
    `add rule ${TABLE} refused ${toNode} meta l4proto . th dport vmap @no-endpoint-nodeports`,
    // whoever is on the link could otherwise reach what listens on loopback, once packets to it are routed
    ...hook(
      "guard",
      "type filter hook prerouting priority -300",
      'iifname != "lo" ip daddr 127.0.0.0/8 drop',
      'iifname != "lo" ip saddr 127.0.0.0/8 drop',
    ),
    // before translation: whom a load balancer's address lets in is judged by that address
    ...["prerouting", "output"].flatMap((name) =>
      hook(
        `firewall-${name}`,
        `type filter hook ${name} priority -110`,
        `ct state new ${services} @firewall-ips`,
      ),
    ),
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
