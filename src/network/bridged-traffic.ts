/**
 * Pods of one node may talk over a bridge, whose packets come by the hooks of IP only where the kernel is told so. Rules need it:
 * an answer that skips them keeps the address of the pod where the caller expects that of the Service.
 * @module
 */
import type { Logger } from "#apimachinery";
import { IPV6, type NftFamily } from "./address-family.ts";
import { KERNEL_NEEDS, lackOf, remedyOf } from "./kernel-needs.ts";
import type { NetworkTools } from "./network-tools.ts";

const NEED = KERNEL_NEEDS.find(({ name }) => name === "br_netfilter")!;

/** The module is not one that the kernel loads by itself. Never rejects: pods of other nodes can be reached without. */
export async function passBridgedTraffic(
  { tools, logger }: { readonly tools: Pick<NetworkTools, "sysctl" | "kernel">; readonly logger: Logger },
  families: readonly NftFamily[],
  signal: AbortSignal,
): Promise<void> {
  for (const nft of families) {
    const name = `net.bridge.bridge-nf-call-${nft === IPV6 ? "ip6tables" : "iptables"}`;
    try {
      await tools.sysctl(name, "1").catch(async (err: unknown) => {
        for (const module of NEED.modules) if (!(await tools.kernel.load(module, signal))) throw err;
        await tools.sysctl(name, "1");
      });
    } catch (err) {
      logger.error(`${lackOf(NEED)}; ${remedyOf(NEED)}`, { err });
    }
  }
}
