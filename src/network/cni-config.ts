/** The CNI configuration of a node: the standard bridge plugin with addresses from the node's podCIDRs. @module */
import { familyOf } from "#api/validation/ip-range";

export interface CniOptions {
  /** One for each family of pods' addresses. */
  readonly podCIDRs: readonly string[];
  /** Where host-local remembers addresses in use; one folder per node, not lost by a restart. */
  readonly dataDir: string;
  readonly mtu: number;
}

export const BRIDGE = "cni0";
/** Sorts before what other networks would install. */
export const CNI_FILE = "10-k8ts.conflist";

/** host-local keeps its addresses in a folder of this name. */
export const NETWORK_NAME = "k8ts";

export function cniConfig({ podCIDRs, dataDir, mtu }: CniOptions): string {
  const bridge = {
    type: "bridge",
    bridge: BRIDGE,
    isGateway: true,
    ipMasq: false, // run-network.ts masquerades, and only what leaves the cluster
    hairpinMode: true,
    mtu,
    ipam: {
      type: "host-local",
      dataDir,
      ranges: podCIDRs.map((subnet) => [{ subnet }]),
      routes: podCIDRs.map((podCIDR) => ({ dst: familyOf(podCIDR) === "IPv4" ? "0.0.0.0/0" : "::/0" })),
    },
  };
  // no portmap: host-ports/ does its work, without iptables
  return `${JSON.stringify({ cniVersion: "0.4.0", name: NETWORK_NAME, plugins: [bridge] }, undefined, 2)}\n`;
}
