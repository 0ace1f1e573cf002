/** Which cluster addresses and node ports a Service has. Pure. @module */
import type { Service } from "#api/core/v1/types.gen";

export interface Holding {
  readonly ips: readonly string[];
  readonly ports: readonly number[];
}

export const NOTHING: Holding = { ips: [], ports: [] };
export const HEADLESS = "None";

export function holdingOf({ spec }: Service): Holding {
  if (spec === undefined || spec.type === "ExternalName") return NOTHING;
  const ips = (spec.clusterIPs ?? []).filter((ip) => ip !== "" && ip !== HEADLESS);
  const ports = [...(spec.ports ?? []).map((port) => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0];
  return { ips, ports: [...new Set(ports.filter((port) => port !== 0))] };
}

/** What of `held` is not kept. */
export function without(held: Holding, kept: Holding): Holding {
  return {
    ips: held.ips.filter((ip) => !kept.ips.includes(ip)),
    ports: held.ports.filter((port) => !kept.ports.includes(port)),
  };
}
