/** What the shared maps say of a frontend: where its packets go, which are refused, and who is let in. @module */
import {
  affinityChain,
  balanceChain,
  endpointsMap,
  firewallChain,
  routeChain,
  type NftObject,
  type ObjectOptions,
} from "./nftables/objects.ts";
import type { Frontend, PoolName, PortPlan, Route } from "./plan.ts";

export interface Verdict {
  readonly map: string;
  readonly value: string;
  /** The chain it leads to, if it is not one that every table has. */
  readonly object: NftObject | undefined;
}

export type PoolSizes = Readonly<Record<PoolName, number>>;

/** Which pools' endpoints a route finds in which maps, by the frontend's own key. Not with session affinity. */
export function membersOf(
  { route, scope }: Frontend,
  protocol: string,
): readonly (readonly [map: string, pool: PoolName])[] {
  if (route === undefined) return [];
  const everywhere = endpointsMap({ scope, pool: "cluster", protocol });
  if (route.type === "internal") return [[everywhere, route.pool]];
  if (route.type === "external") return [[everywhere, "cluster"]];
  return [
    [everywhere, "cluster"],
    [endpointsMap({ scope, pool: "local", protocol }), "local"],
  ];
}

export function verdictsOf(
  port: PortPlan,
  frontend: Frontend,
  sizes: PoolSizes,
  options: ObjectOptions,
): readonly Verdict[] {
  const { scope, route, refusal, sources } = frontend;
  const verdicts: Verdict[] = [];
  if (route !== undefined) {
    const object = chainOf(port, frontend, route, sizes, options);
    verdicts.push({ map: scope === "services" ? "service-ips" : "service-nodeports", ...goto(object) });
  }
  if (refusal !== undefined)
    verdicts.push({ map: `no-endpoint-${scope}`, value: refusal, object: undefined });
  if (sources !== undefined)
    verdicts.push({ map: "firewall-ips", ...goto(firewallChain(options.dialect, sources)) });
  return verdicts;
}

function goto(object: NftObject): Omit<Verdict, "map"> {
  return { value: `goto ${object.name}`, object };
}

function chainOf(
  port: PortPlan,
  { scope }: Frontend,
  route: Route,
  sizes: PoolSizes,
  options: ObjectOptions,
): NftObject {
  const { id, protocol, affinitySeconds: seconds } = port;
  /** `pool` is where the frontend looks, `from` whom it finds there. */
  const spread = (pool: PoolName, from: PoolName): NftObject => {
    const size = sizes[from];
    return seconds === undefined
      ? balanceChain(options.dialect, { scope, pool, protocol, size })
      : affinityChain(options.dialect, { id, seconds, protocol, pool: from, size });
  };
  const everywhere = spread("cluster", route.type === "internal" ? route.pool : "cluster");
  const isSplit = route.type === "external-local" && sizes.local > 0;
  return routeChain(route.type, everywhere, isSplit ? spread("local", "local") : undefined, options);
}
