/** Where the kubelet of a node is reached; what upstream's API server calls `ConnectionInfo`. Pure. @module */
import type { Node } from "./types.gen.ts";

const KUBELET_PORT = 10_250;
/** Upstream asks for host names first; ours need no name service. */
const ADDRESS_TYPES = ["InternalIP", "Hostname", "InternalDNS", "ExternalIP", "ExternalDNS"];

export interface KubeletAddress {
  /** An address, or a name. */
  readonly host: string;
  readonly port: number;
}

/** undefined: the node has told of no address. */
export function kubeletAddress({ status }: Node): KubeletAddress | undefined {
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
  for (const type of ADDRESS_TYPES) {
    const found = status?.addresses?.find((one) => one.type === type && one.address !== "");
    if (found !== undefined) return { host: found.address, port };
  }
  return undefined;
}
