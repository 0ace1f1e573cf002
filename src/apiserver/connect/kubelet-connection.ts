/** How to reach the kubelet of a node; upstream's `ConnectionInfoGetter`. @module */
import { notFound, StatusError } from "#apimachinery";
import { kubeletAddress, type KubeletAddress } from "#api/core/v1/kubelet-address";
import type { Node } from "#api/core/v1/types.gen";
import { urlHost } from "#api/validation/ip-range";
import type { ObjectLookup } from "../admission/object-lookup.ts";
import type { ApiServerOptions } from "../options.ts";
import type { UpgradeBackend } from "../streaming/index.ts";

export class KubeletConnection {
  readonly #lookup: ObjectLookup;
  readonly #credentials: ApiServerOptions["kubeletClient"];

  constructor(lookup: ObjectLookup, credentials: ApiServerOptions["kubeletClient"]) {
    this.#lookup = lookup;
    this.#credentials = credentials;
  }

  /** `path` is absolute. Throws NotFound for an unknown node, InternalError for one that has no address. */
  backend(nodeName: string, path: string, query: URLSearchParams): UpgradeBackend {
    const node = this.#lookup.get("core/nodes", "", nodeName) as Node | undefined;
    if (node === undefined) throw notFound({ group: "", resource: "nodes" }, nodeName);
    const credentials = this.#credentials;
    if (credentials === undefined) {
      throw new StatusError("ServiceUnavailable", "this API server was given no credentials for kubelets");
    }
    const { host, port } = addressOf(node);
    const url = new URL(`https://${urlHost(host)}:${port}${path}`);
    url.search = query.toString();
    const { cert, key, ca } = credentials;
    // Kubelets serve with certificates of their own making unless they were given others.
    const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
    return { url, tls: { cert, key, ...trust } };
  }
}

function addressOf(node: Node): KubeletAddress {
  const found = kubeletAddress(node);
  if (found !== undefined) return found;
  throw new StatusError(
    "InternalError",
    `no preferred addresses found; known addresses: of node ${node.metadata.name}: []`,
  );
}
