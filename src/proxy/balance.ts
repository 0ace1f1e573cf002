/** The rules of a chain that spreads connections over endpoints, with session affinity or without. @module */
import { createHash } from "node:crypto";
import type { Service } from "#api/core/v1/types.gen";
import type { Target } from "./endpoints.ts";

/** What a chain adds to the plan of its service. */
export interface Balanced {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Dynamic sets: name -> timeout in seconds. */
  readonly affinitySets: ReadonlyMap<string, number>;
}

const AFFINITY_SECONDS_DEFAULT = 10_800;
const NONE: ReadonlyMap<string, number> = new Map();

export interface Spread {
  readonly chain: string;
  /** Of the port: its chains share what they remember of clients. */
  readonly id: string;
  readonly service: Service;
  /** In lower case. */
  readonly protocol: string;
  /** At least one. */
  readonly targets: readonly Target[];
}

export function balance(spread: Spread): Balanced {
  const { chain, service, protocol, targets } = spread;
  if (service.spec?.sessionAffinity === "ClientIP") return balanceWithAffinity(spread);
  const [first, ...others] = targets;
  const destination =
    others.length === 0
      ? `dnat ip to ${first!.ip}:${first!.port}`
      : `dnat ip to numgen random mod ${targets.length} map { ${targets
          .map(({ ip, port }, index) => `${index} : ${ip} . ${port}`)
          .join(" , ")} }`;
  return { chains: new Map([[chain, [`meta l4proto ${protocol} ${destination}`]]]), affinitySets: NONE };
}

/** A set per endpoint remembers its clients; a client found in one goes there again. */
function balanceWithAffinity({ chain, id, service, protocol, targets }: Spread): Balanced {
  const seconds = service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT;
  const chains = new Map<string, readonly string[]>();
  const affinitySets = new Map<string, number>();
  const endpoints = targets.map((target) => ({ target, name: hash(`${id} ${target.ip}:${target.port}`) }));
  for (const { target, name } of endpoints) {
    affinitySets.set(`aff-${name}`, seconds);
    chains.set(`ep-${name}`, [
      `update @aff-${name} { ip saddr }`,
      `meta l4proto ${protocol} dnat ip to ${target.ip}:${target.port}`,
    ]);
  }
  const verdicts = endpoints.map(({ name }, index) => `${index} : goto ep-${name}`);
  chains.set(chain, [
    ...endpoints.map(({ name }) => `ip saddr @aff-${name} goto ep-${name}`),
    `numgen random mod ${endpoints.length} vmap { ${verdicts.join(" , ")} }`,
  ]);
  return { chains, affinitySets };
}

/** 64 bits: two services would have to collide on one node. */
export function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
