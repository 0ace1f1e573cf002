/** Keeps the node's host ports in step with its pods. @module */
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { type Clock, keyOf, type Logger, type ObjectKey, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { deleteStaleFlows } from "#component-base";
import { ofFamily, type NftFamily } from "../address-family.ts";
import { BRIDGE } from "../cni-config.ts";
import type { NetworkTools } from "../network-tools.ts";
import { changedFlows, difference, emptyTable } from "./host-port-table.ts";
import { hostPortsOf, type HostPorts } from "./plan.ts";

export interface HostPortOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: Pick<NetworkTools, "nft" | "sysctl" | "hasInterface">;
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  readonly nft: NftFamily;
}

const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
const LOOPBACK = { IPv4: "127.0.0.1", IPv6: "::1" } as const;

/** Resolves when `signal` aborts. The rules stay: pods go on while the agent restarts. */
export async function runHostPorts(options: HostPortOptions, signal: AbortSignal): Promise<void> {
  const { informers, clock, logger, tools, nft } = options;
  const wanted = new WantedPorts(options);
  informers.start(signal);
  await informers.waitForSync(signal);
  signal.addEventListener("abort", () => wanted.wake(), { once: true });
  const nodeIP = ofFamily(options.nodeIPs, nft.family);
  const nodeIPs = new Set([...(nodeIP === undefined ? [] : [nodeIP]), LOOPBACK[nft.family]]);
  /** undefined: the kernel may hold anything. */
  let applied: HostPorts | undefined;
  let retryMs = RETRY_MS;
  while (!signal.aborted) {
    const changed = wanted.nextChange();
    const next = wanted.current();
    const old: HostPorts = applied ?? new Map();
    const base = applied === undefined ? `${emptyTable(nft).join("\n")}\n` : "";
    applied = undefined; // until nft has said yes
    try {
      if (next.size > 0 && nft.family === "IPv4") await routeLoopback(tools);
      const script = base + difference(old, next, nft);
      if (script !== "") await tools.nft(script, signal);
      applied = next;
      retryMs = RETRY_MS;
      await deleteStaleFlows(
        { served: changedFlows(old, next), nodeIPs, logger, family: nft.family },
        signal,
      );
      await changed;
    } catch (err) {
      if (signal.aborted) return;
      logger.error("could not open host ports; the whole table will be written again", { err, retryMs });
      await pause(clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }
}

/** What the node sends to 127.0.0.1 may go to pods. Another network's bridge is its own affair. */
async function routeLoopback(tools: HostPortOptions["tools"]): Promise<void> {
  if (tools.hasInterface(BRIDGE)) await tools.sysctl(`net.ipv4.conf.${BRIDGE}.route_localnet`, "1");
}

/** The host ports of this node's pods. Where pods claim one port, the one that was first keeps it. */
class WantedPorts {
  /** Bounded by the pods of a node. */
  readonly #pods = new Map<ObjectKey, HostPorts>();
  #changed = Promise.withResolvers<void>();

  constructor({ informers, nodeName, nft }: HostPortOptions) {
    const observe = (pod: Pod): void => {
      if (pod.spec?.nodeName === nodeName) this.#set(keyOf(pod), hostPortsOf(pod, nft));
    };
    informers.informer(Pods).addEventHandler({
      onAdd: observe,
      onUpdate: observe,
      onDelete: (pod) => this.#set(keyOf(pod), new Map()),
    });
  }

  /** Take it before `current`, so that no change falls between. */
  nextChange(): Promise<void> {
    this.#changed = Promise.withResolvers();
    return this.#changed.promise;
  }

  wake(): void {
    this.#changed.resolve();
  }

  current(): HostPorts {
    const all = new Map<string, string>();
    for (const ports of this.#pods.values())
      for (const [key, target] of ports) if (!all.has(key)) all.set(key, target);
    return all;
  }

  #set(key: ObjectKey, ports: HostPorts): void {
    const old = this.#pods.get(key) ?? new Map<string, string>();
    if (difference(old, ports) === "") return;
    if (ports.size === 0) this.#pods.delete(key);
    else this.#pods.set(key, ports);
    this.wake();
  }
}
