/**
 * A table of one family without any service: shared maps, closed service ranges, and the hooks that make it serve. What is sent
 * to an address of the ranges that no service holds is dropped, so that it can never leave the node.
 * @module
 */
import type { NodePortAddresses } from "../addresses.ts";
import { POOLS, SCOPES } from "../plan.ts";
import { AFFINITY_SLOTS, endpointsMap } from "./objects.ts";
import { SLOT_MAX, SLOT_MIN, slotText, type Dialect } from "./dialect.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

export interface BaseTableOptions {
  readonly dialect: Dialect;
  /** With the family: `ip k8ts-proxy`. */
  readonly table: string;
  /** Disjoint. */
  readonly serviceRanges: readonly string[];
  /** Where node ports answer. */
  readonly nodePorts: NodePortAddresses;
  /** Of packets whose source becomes the node's address. */
  readonly mark: string;
}

/** Without hooks: nothing reaches it. nft 1.0.6 wants a newline before each `}` of a block. */
export function baseTable(options: BaseTableOptions): readonly string[] {
  const { table, dialect, serviceRanges, nodePorts } = options;
  const { ip, address } = dialect;
  const addressKey = `${address} . inet_proto . inet_service`;
  const portKey = "inet_proto . inet_service";
  const services = `${ip} daddr . meta l4proto . th dport vmap`;
  const nodeports = `${toNode(options)} meta l4proto . th dport vmap`;
  const ips = nodePorts.type === "all" ? [] : nodePorts.ips;
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add set ${table} nodeport-ips { type ${address} ; }`,
    ...ips.map((one) => `add element ${table} nodeport-ips { ${one} }`),
    `add set ${table} service-ranges { type ${address} ; flags interval ; }`,
    ...serviceRanges.map((range) => `add element ${table} service-ranges { ${range} }`),
    `add set ${table} cluster-ips { type ${address} ; }`,
    `add set ${table} hairpin-connections { type ${address} . ${address} ; }`,
    `add map ${table} service-ips { type ${addressKey} : verdict ; }`,
    `add map ${table} service-nodeports { type ${portKey} : verdict ; }`,
    `add map ${table} no-endpoint-services { type ${addressKey} : verdict ; }`,
    `add map ${table} no-endpoint-nodeports { type ${portKey} : verdict ; }`,
    `add map ${table} firewall-ips { type ${addressKey} : verdict ; }`,
    ...endpointsMaps(table, dialect),
    `add map ${table} ${AFFINITY_SLOTS} { type classid : ${address} . inet_service ; }`,
    `add chain ${table} reject-chain`,
    `add rule ${table} reject-chain meta l4proto tcp reject with tcp reset`,
    `add rule ${table} reject-chain reject`,
    `add chain ${table} services`,
    `add rule ${table} services ${services} @service-ips`,
    `add rule ${table} services ${nodeports} @service-nodeports`,
    `add chain ${table} refused`,
    `add rule ${table} refused meta priority ${slotText(SLOT_MIN)}-${slotText(SLOT_MAX)} meta priority set none`,
    `add rule ${table} refused ${services} @no-endpoint-services`,
    // other ports of a service are refused; who calls nobody's address may be early, and is left to try again
    `add rule ${table} refused ${ip} daddr @cluster-ips goto reject-chain`,
    `add rule ${table} refused ${ip} daddr @service-ranges drop`,
    `add rule ${table} refused ${nodeports} @no-endpoint-nodeports`,
  ];
}

/** What makes the table serve, once it is whole. */
export function hooks(options: Pick<BaseTableOptions, "table" | "dialect" | "mark">): readonly string[] {
  const { table, dialect, mark } = options;
  const { ip, family } = dialect;
  const firewall = `ct state new ${ip} daddr . meta l4proto . th dport vmap @firewall-ips`;
  const hook = (chain: string, declaration: string, ...rules: readonly string[]): readonly string[] => [
    `add chain ${table} ${chain} { ${declaration} ; }`,
    ...rules.map((rule) => `add rule ${table} ${chain} ${rule}`),
  ];
  return [
    // whoever is on the link could otherwise reach what listens on loopback, once packets to it are routed
    ...(family === "IPv4"
      ? hook(
          "guard",
          "type filter hook prerouting priority -300",
          'iifname != "lo" ip daddr 127.0.0.0/8 drop',
          'iifname != "lo" ip saddr 127.0.0.0/8 drop',
        )
      : []),
    // before translation: whom a load balancer's address lets in is judged by that address
    ...["prerouting", "output"].flatMap((name) =>
      hook(`firewall-${name}`, `type filter hook ${name} priority -110`, firewall),
    ),
    ...hook("nat-prerouting", "type nat hook prerouting priority -100", "jump services"),
    ...hook("nat-output", "type nat hook output priority -100", "jump services"),
    ...hook(
      "nat-postrouting",
      "type nat hook postrouting priority 100",
      // taken away: a tunnel's own packets get the mark of what they carry
      `meta mark & ${mark} != 0 meta mark set meta mark xor ${mark} masquerade fully-random`,
      // not what a node sends to itself by its own address
      `ct status dnat ${ip} saddr . ${ip} daddr @hairpin-connections masquerade fully-random`,
    ),
    ...["input", "forward", "output"].flatMap((name) =>
      hook(`filter-${name}`, `type filter hook ${name} priority 0`, "ct state new jump refused"),
    ),
    `add chain ${table} serving`,
  ];
}

/**
 * One for each protocol: nft 1.0.6 takes a port that may be of any protocol (`th dport`), but cannot read it back. Any number may
 * stand for `mod 2`.
 */
function endpointsMaps(table: string, { ip }: Dialect): readonly string[] {
  return PROTOCOLS.flatMap((protocol) =>
    SCOPES.flatMap((scope) =>
      POOLS.map((pool) => {
        const key = scope === "services" ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
        const declaration = `typeof ${key} . numgen random mod 2 : ${ip} daddr . ${protocol} dport`;
        return `add map ${table} ${endpointsMap({ scope, pool, protocol })} { ${declaration} ; }`;
      }),
    ),
  );
}

function toNode({ dialect: { ip, loopback }, nodePorts }: BaseTableOptions): string {
  return nodePorts.type === "all"
    ? `fib daddr type local ${ip} daddr != ${loopback}`
    : `${ip} daddr @nodeport-ips`;
}
