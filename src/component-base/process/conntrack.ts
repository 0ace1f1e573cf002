/**
 * UDP has no end of connection: a flow whose endpoint is gone would go on to nobody, and one that began before its service was
 * served to where it was sent, as long as the client sends. The kernel's entries of such flows are deleted with the `conntrack` tool.
 * @module
 */
import type { Logger } from "#apimachinery";
import { tryCommand } from "./run-command.ts";

/** An entry of the kernel's table, as far as it matters here. */
export interface Flow {
  /** Where the client sends to. */
  readonly address: string;
  readonly port: string;
  /** Who answers: the endpoint, if the flow is translated. */
  readonly from: string;
  readonly fromPort: string;
}

/** `address:port` or `*:port` -> the `address:port` of endpoints that flows may lead to. */
export type Flows = ReadonlyMap<string, ReadonlySet<string>>;

/** One process for each: a burst of endpoint changes must not fork without end. */
const DELETED_MAX = 256;
const ENTRY = /^udp\s.*?src=\S+ dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+/gm;

/** Of `conntrack -L -p udp`. */
export function parseFlows(text: string): readonly Flow[] {
  return [...text.matchAll(ENTRY)].map(([, address = "", port = "", from = "", fromPort = ""]) => ({
    address,
    port,
    from,
    fromPort,
  }));
}

/** Pure. Flows to what no service is are left alone; each stale way is there once. `*` stands for one of `nodeIPs`. */
export function staleFlows(
  flows: readonly Flow[],
  served: Flows,
  nodeIPs: ReadonlySet<string>,
): readonly Flow[] {
  const stale = new Map<string, Flow>();
  for (const flow of flows) {
    const { address, port, from, fromPort } = flow;
    const isNode = nodeIPs.has(address);
    const endpoints = served.get(`${address}:${port}`) ?? (isNode ? served.get(`*:${port}`) : undefined);
    if (endpoints === undefined || endpoints.has(`${from}:${fromPort}`)) continue;
    stale.set(`${address}:${port} ${from}:${fromPort}`, flow);
  }
  return [...stale.values()];
}

export interface StaleFlowOptions {
  readonly served: Flows;
  /** Addresses that `*` stands for. */
  readonly nodeIPs: ReadonlySet<string>;
  readonly logger: Logger;
  /** Of the flows; default: IPv4. */
  readonly family?: "IPv4" | "IPv6";
  /** Leads into another network namespace (`nsenter --net=…`). */
  readonly prefix?: readonly string[];
}

/**
 * Gives how many were deleted. Nothing is asked of the kernel when nothing is served. Without the tool a flow ends by its
 * timeout.
 */
export async function deleteStaleFlows(options: StaleFlowOptions, signal: AbortSignal): Promise<number> {
  const { served, nodeIPs, logger } = options;
  if (served.size === 0) return 0;
  const listed = await conntrack(options, ["-L"], signal);
  if (listed === undefined) {
    logger.debug("conntrack is not installed: stale UDP flows end by their timeout");
    return 0;
  }
  const stale = staleFlows(parseFlows(listed), served, nodeIPs);
  for (const { address, port, from, fromPort } of stale.slice(0, DELETED_MAX)) {
    const original = ["--orig-dst", address, "--orig-port-dst", port];
    const reply = ["--reply-src", from, "--reply-port-src", fromPort];
    await conntrack(options, ["-D", ...original, ...reply], signal);
  }
  if (stale.length > DELETED_MAX)
    logger.warn("more stale UDP flows than are deleted at once", { flows: stale.length });
  return Math.min(stale.length, DELETED_MAX);
}

/** Standard output; undefined without the tool. That no entry matched is an exit code, too. */
async function conntrack(
  { prefix = [], family = "IPv4" }: StaleFlowOptions,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const [file = "", ...rest] = [...prefix, "conntrack", "-f", family.toLowerCase(), "-p", "udp", ...args];
  try {
    return (await tryCommand([file, ...rest], {}, signal)).stdout;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}
