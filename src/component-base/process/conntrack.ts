/**
 * UDP has no end of connection: a flow whose endpoint is gone would go on to nobody, and one that began before its service was
 * served to where it was sent, as long as the client sends. The kernel's entries of such flows are deleted with the `conntrack` tool.
 * @module
 */
import type { Logger } from "#apimachinery";
import { type CommandResult, tryCommand } from "./run-command.ts";

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
const NOT_STARTED = 127;
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
  /** Runs the tool. */
  readonly run?: typeof tryCommand;
}

/**
 * Gives how many entries were deleted. Nothing is asked of the kernel when nothing is served. What the kernel or the tool refuses
 * is logged as an error: then a flow ends by its timeout.
 */
export async function deleteStaleFlows(options: StaleFlowOptions, signal: AbortSignal): Promise<number> {
  const { served, nodeIPs, logger, family: ipFamily = "IPv4" } = options;
  if (served.size === 0) return 0;
  const listed = await conntrack(options, ["-L"], signal);
  if (listed.code !== 0) {
    logger.error("Failed to list conntrack entries", { ipFamily, why: whyOf(listed) });
    return 0;
  }
  const stale = staleFlows(parseFlows(listed.stdout), served, nodeIPs);
  let entriesDeleted = 0;
  let refused: CommandResult | undefined;
  for (const { address, port, from, fromPort } of stale.slice(0, DELETED_MAX)) {
    const original = ["--orig-dst", address, "--orig-port-dst", port];
    const reply = ["--reply-src", from, "--reply-port-src", fromPort];
    const result = await conntrack(options, ["-D", ...original, ...reply], signal);
    const deleted = parseDeleted(result.stderr);
    entriesDeleted += deleted ?? 0;
    // That a flow has ended by itself meanwhile is an exit code, too.
    if (result.code !== 0 && deleted !== 0) refused = result;
  }
  if (refused !== undefined)
    logger.error("Failed to clear all conntrack entries", { ipFamily, entriesDeleted, why: whyOf(refused) });
  if (stale.length > DELETED_MAX)
    logger.warn("more stale UDP flows than are deleted at once", { flows: stale.length });
  return entriesDeleted;
}

/** Of `conntrack -D`; undefined when it does not say. */
function parseDeleted(stderr: string): number | undefined {
  const count = /(\d+) flow entries have been deleted/.exec(stderr)?.[1];
  return count === undefined ? undefined : Number(count);
}

/** A tool that cannot be started is a result, too: its exit code is a shell's. */
async function conntrack(
  { prefix = [], family = "IPv4", run = tryCommand }: StaleFlowOptions,
  args: readonly string[],
  signal: AbortSignal,
): Promise<CommandResult> {
  const [file = "", ...rest] = [...prefix, "conntrack", "-f", family.toLowerCase(), "-p", "udp", ...args];
  try {
    return await run([file, ...rest], {}, signal);
  } catch (err) {
    signal.throwIfAborted();
    return { code: NOT_STARTED, stdout: "", stderr: (err as Error).message };
  }
}

function whyOf({ code, stderr }: CommandResult): string {
  return stderr.trim() || `exit code ${code}`;
}
