/** The tables `ip k8ts-hostport` and `ip6 k8ts-hostport`, and the transactions that bring it from one set of host ports to the next. @module */
import { IPV4, type NftFamily } from "../address-family.ts";
import type { HostPorts } from "./plan.ts";

export function hostPortTableName({ protocol }: NftFamily): string {
  return `${protocol} k8ts-hostport`;
}

const PROTOCOLS = "meta l4proto { tcp , udp , sctp }";

/** Lines that replace the whole table. Services come first: what they translate is left alone. */
export function emptyTable(nft: NftFamily): readonly string[] {
  const table = hostPortTableName(nft);
  const { protocol: ip, address } = nft;
  // what comes from ::1 cannot be routed to a pod
  const toNode = `fib daddr type local ${ip === "ip6" ? "ip6 daddr != ::1 " : ""}${PROTOCOLS}`;
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add map ${table} by-address { type ${address} . inet_proto . inet_service : ${address} . inet_service ; }`,
    `add map ${table} by-port { type inet_proto . inet_service : ${address} . inet_service ; }`,
    `add set ${table} hairpins { type ${address} . ${address} ; }`,
    `add chain ${table} dispatch`,
    `add rule ${table} dispatch ${toNode} dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @by-address`,
    `add rule ${table} dispatch ${toNode} dnat ${ip} to meta l4proto . th dport map @by-port`,
    ...(ip === "ip" ? loopbackGuard(table) : []),
    ...["prerouting", "output"].flatMap((hook) => [
      `add chain ${table} ${hook} { type nat hook ${hook} priority -90 ; }`,
      `add rule ${table} ${hook} jump dispatch`,
    ]),
    `add chain ${table} postrouting { type nat hook postrouting priority 100 ; }`,
    // a pod cannot answer to 127.0.0.1, nor to itself
    ...(ip === "ip"
      ? [`add rule ${table} postrouting oifname != "lo" ip saddr 127.0.0.0/8 ct status dnat masquerade`]
      : []),
    `add rule ${table} postrouting ct status dnat ${ip} saddr . ${ip} daddr @hairpins masquerade`,
  ];
}

/** Packets to loopback are routed to pods: nobody else on a link may send such. */
function loopbackGuard(table: string): readonly string[] {
  return [
    `add chain ${table} guard { type filter hook prerouting priority -300 ; }`,
    `add rule ${table} guard iifname != "lo" ip daddr 127.0.0.0/8 drop`,
    `add rule ${table} guard iifname != "lo" ip saddr 127.0.0.0/8 drop`,
  ];
}

/** `nft -f -` lines; "" if nothing differs. */
export function difference(old: HostPorts, wanted: HostPorts, nft: NftFamily = IPV4): string {
  const lines: string[] = [];
  const table = hostPortTableName(nft);
  for (const [key] of unlike(old, wanted)) lines.push(`delete element ${table} ${mapOf(key)} { ${key} }`);
  for (const [key, target] of unlike(wanted, old))
    lines.push(`add element ${table} ${mapOf(key)} { ${key} : ${target} }`);
  const [before, after] = [podsOf(old), podsOf(wanted)];
  for (const ip of before.difference(after)) lines.push(`delete element ${table} ${hairpin(ip)}`);
  for (const ip of after.difference(before)) lines.push(`add element ${table} ${hairpin(ip)}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** Where UDP flows to ports that changed may lead from now on: none for a port that is closed. */
export function changedFlows(old: HostPorts, wanted: HostPorts): ReadonlyMap<string, ReadonlySet<string>> {
  const flows = new Map<string, ReadonlySet<string>>();
  for (const key of new Set([...old.keys(), ...wanted.keys()])) {
    const target = wanted.get(key);
    const [port = "", protocol = "", address = "*"] = key.split(" . ").toReversed();
    if (protocol !== "udp" || old.get(key) === target) continue;
    flows.set(`${address}:${port}`, new Set(target === undefined ? [] : [target.replace(" . ", ":")]));
  }
  return flows;
}

function unlike(from: HostPorts, other: HostPorts): readonly (readonly [string, string])[] {
  return [...from].filter(([key, target]) => other.get(key) !== target);
}

function mapOf(key: string): string {
  return key.split(" . ").length === 3 ? "by-address" : "by-port";
}

function podsOf(ports: HostPorts): Set<string> {
  return new Set([...ports.values()].map((target) => target.split(" . ", 1)[0]!));
}

function hairpin(ip: string): string {
  return `hairpins { ${ip} . ${ip} }`;
}
