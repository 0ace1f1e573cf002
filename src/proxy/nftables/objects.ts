/**
 * Chains, maps and sets that services share. What one is called says all that it holds, so two services that need the same name
 * the same, and none is ever changed: a service that needs another one is sent there by one element.
 * @module
 */
import { createHash } from "node:crypto";
import type { PoolName, Route, Scope } from "../plan.ts";
import type { Dialect } from "./dialect.ts";
import type { Masquerade } from "./masquerade.ts";

export interface NftObject {
  readonly kind: "chain" | "map" | "set";
  readonly name: string;
  /** Of maps and sets: what stands in braces. */
  readonly declaration?: string;
  /** Of chains. */
  readonly rules: readonly string[];
  /** What the rules name, besides what every table has. */
  readonly needs: readonly NftObject[];
  /** May stay for a while when nobody uses it: it belongs to no service and holds nothing. */
  readonly isLasting: boolean;
}

export interface ObjectOptions {
  readonly dialect: Dialect;
  readonly masquerade: Masquerade;
}

/** Slot -> endpoint, of all ports with session affinity. */
export const AFFINITY_SLOTS = "affinity-slots";
/** Clients that one port of a service remembers; further ones are served without being remembered. */
const CLIENTS_MAX = 1 << 20;
/** 64 bits: two services would have to collide on one node. */
const HASH_CHARS = 16;

function chain(name: string, rules: readonly string[], needs: readonly NftObject[] = []): NftObject {
  return { kind: "chain", name, rules, needs, isLasting: needs.every((needed) => needed.isLasting) };
}

/** Of one port of a service. */
function ownSet(kind: "map" | "set", name: string, declaration: string): NftObject {
  return { kind, name, declaration, rules: [], needs: [], isLasting: false };
}

export interface Balance {
  readonly scope: Scope;
  readonly pool: PoolName;
  /** In lower case. */
  readonly protocol: string;
  /** At least one. */
  readonly size: number;
}

/** The map that holds endpoints of a scope: its keys are those of frontends, with a number below the size of the pool. */
export function endpointsMap({ scope, pool, protocol }: Omit<Balance, "size">): string {
  return `${pool === "local" ? "local-" : ""}${scope === "services" ? "" : "nodeport-"}endpoints-${protocol}`;
}

/** Every endpoint is as likely as every other. One chain serves all services with as many endpoints. */
export function balanceChain({ ip }: Dialect, balance: Balance): NftObject {
  const { scope, protocol, size } = balance;
  const map = endpointsMap(balance);
  const key = `${scope === "services" ? `${ip} daddr . ` : ""}${protocol} dport`;
  return chain(`${map}-${size}`, [`dnat ${ip} to ${key} . numgen random mod ${size} map @${map}`]);
}

export interface Affinity {
  /** Of the port. */
  readonly id: string;
  readonly seconds: number;
  readonly protocol: string;
  readonly pool: PoolName;
  readonly size: number;
}

/** Number below the pool's size -> slot. */
export function choicesMap({ id, pool }: Pick<Affinity, "id" | "pool">): NftObject {
  return ownSet("map", `choices-${pool}-${hash(id)}`, "typeof numgen random mod 2 : meta priority");
}

/** Slots that a client may still be sent to. */
export function liveSet({ id, pool }: Pick<Affinity, "id" | "pool">): NftObject {
  return ownSet("set", `live-${pool}-${hash(id)}`, "type classid");
}

/** Client -> slot, for its time. */
export function clientsMap({ id, seconds }: Pick<Affinity, "id" | "seconds">): string {
  return `clients-${hash(id)}-${seconds}`;
}

/**
 * A client goes where it went before, if that is still there; a new one is remembered. Endpoints have slots, numbers that are
 * never given again: who remembers an endpoint that is gone finds nobody, and not somebody else.
 */
export function affinityChain({ ip, address }: Dialect, affinity: Affinity): NftObject {
  const { id, seconds, protocol, pool, size } = affinity;
  const choices = choicesMap(affinity);
  const live = liveSet(affinity);
  const declaration = `type ${address} : classid ; size ${CLIENTS_MAX} ; flags dynamic,timeout ; timeout ${seconds}s`;
  const clients = ownSet("map", clientsMap(affinity), declaration);
  const own = `@${clients.name} { ${ip} saddr : meta priority }`;
  const go = `dnat ${ip} to meta priority map @${AFFINITY_SLOTS}`;
  const choose = `meta priority set numgen random mod ${size} map @${choices.name}`;
  const isProtocol = `meta l4proto ${protocol}`;
  const rules = [
    `${isProtocol} meta priority set ${ip} saddr map @${clients.name} meta priority @${live.name} update ${own} ${go}`,
    // an update leaves what is remembered as it is, and gives it more time
    `delete ${own}`,
    `${isProtocol} ${choose} update ${own} ${go}`,
    // more clients than can be remembered
    `${isProtocol} ${choose} ${go}`,
  ];
  return chain(`affinity-${pool}-${hash(id)}-${seconds}-${size}`, rules, [choices, live, clients]);
}

/** Where packets of a frontend are sent: it decides whose source becomes the node's, and leads on to the endpoints. */
export function routeChain(
  type: Route["type"],
  everywhere: NftObject,
  local: NftObject | undefined,
  { masquerade: { mark: bit, isAll, pods } }: ObjectOptions,
): NftObject {
  const mark = `meta mark set meta mark or ${bit}`;
  const further = `goto ${everywhere.name}`;
  if (type === "internal") {
    const fromOutside = pods === undefined ? [] : [`${pods.others} ${mark}`];
    const marking = isAll ? [mark] : fromOutside;
    return chain(`internal-${everywhere.name}`, [...marking, further], [everywhere]);
  }
  if (type === "external") return chain(`external-${everywhere.name}`, [mark, further], [everywhere]);
  const rules = [
    ...(pods === undefined ? [] : [`${pods.match} ${further}`]),
    `fib saddr type local ${mark}`,
    `fib saddr type local ${further}`,
    ...(local === undefined ? [] : [`goto ${local.name}`]),
  ];
  const name = `external-${everywhere.name}-or-${local?.name ?? "nobody"}`;
  return chain(name, rules, [everywhere, ...(local === undefined ? [] : [local])]);
}

export function firewallChain({ ip }: Dialect, sources: readonly string[]): NftObject {
  const rules = [...sources.map((source) => `${ip} saddr ${source} return`), "drop"];
  return { ...chain(`firewall-${hash(sources.join(" "))}`, rules), isLasting: false };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_CHARS);
}
