/**
 * UDP has no end of connection: a flow to an endpoint that is gone would go on to nobody as long as the client sends.
 * The kernel's entries of such flows are deleted with the `conntrack` tool.
 * @module
 */
import type { Logger } from "#apimachinery";
import { tryCommand } from "#component-base";
import type { ServicePlan } from "./plan.ts";

export interface StaleFlow {
  /** Where clients sent to: a service address, or undefined for a node port. */
  readonly address: string | undefined;
  readonly port: string;
  /** Endpoint that is gone; undefined: flows that found no endpoint, and must be translated from now on. */
  readonly endpoint: string | undefined;
}

const ENDPOINT = /(\d+\.\d+\.\d+\.\d+)(?: \. |:)(\d+)/g;
/** One process a flow: a burst of endpoint changes must not fork without end. */
const FLOWS_MAX = 256;

/** Pure: compares the UDP destinations of two plans of one service. */
export function staleFlows(old: ServicePlan, next: ServicePlan): readonly StaleFlow[] {
  const addresses = udpAddresses(old);
  if (addresses.length === 0) return [];
  const still = udpEndpoints(next);
  const gone: (string | undefined)[] = [...udpEndpoints(old)].filter((endpoint) => !still.has(endpoint));
  const startsToServe = udpEndpoints(old).size === 0 && still.size > 0;
  if (startsToServe) gone.push(undefined);
  return gone.flatMap((endpoint) => addresses.map((address) => ({ ...address, endpoint })));
}

export async function deleteStaleFlows(
  flows: readonly StaleFlow[],
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const { address, port, endpoint } of flows.slice(0, FLOWS_MAX)) {
    const args = ["-D", "-f", "ipv4", "-p", "udp", "--orig-port-dst", port];
    if (address !== undefined) args.push("--orig-dst", address);
    if (endpoint !== undefined) args.push("--dst-nat", endpoint);
    const result = await run(args, signal);
    if (result === "missing")
      return logger.debug("conntrack is not installed: stale UDP flows end by their timeout");
  }
  if (flows.length > FLOWS_MAX)
    logger.warn("more stale UDP flows than are deleted at once", { flows: flows.length });
}

function udpAddresses(plan: ServicePlan): readonly Omit<StaleFlow, "endpoint">[] {
  const keys = ["service-ips", "no-endpoint-services", "service-nodeports", "no-endpoint-nodeports"] as const;
  return keys.flatMap((map) =>
    [...(plan.elements.get(map)?.keys() ?? [])].flatMap((key) => {
      const parts = key.split(" . ");
      if (parts.at(-2) !== "udp") return [];
      return [{ address: parts.length === 3 ? parts[0] : undefined, port: parts.at(-1)! }];
    }),
  );
}

function udpEndpoints(plan: ServicePlan): ReadonlySet<string> {
  const rules = [...plan.chains.values()].flat().filter((rule) => rule.startsWith("meta l4proto udp dnat"));
  return new Set(rules.flatMap((rule) => [...rule.matchAll(ENDPOINT)].map((match) => match[1]!)));
}

/** Exit code 1 means that no entry matched, which is fine. */
async function run(args: readonly string[], signal: AbortSignal): Promise<"done" | "missing"> {
  try {
    await tryCommand(["conntrack", ...args], {}, signal);
    return "done";
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw err;
  }
}
