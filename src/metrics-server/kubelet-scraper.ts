/** Asks a kubelet for `/metrics/resource`, with the API server's client certificate. @module */
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Clock } from "#apimachinery";
import type { Node } from "#api/core/v1/types.gen";

const KUBELET_PORT = 10_250;
const ADDRESS_TYPES = ["InternalIP", "Hostname", "InternalDNS", "ExternalIP", "ExternalDNS"];
const SCRAPE_TIMEOUT_MS = 10_000;
const BODY_BYTES_MAX = 32 * 1024 * 1024;

export interface KubeletCredentials {
  readonly cert: string;
  readonly key: string;
  /** Absent: kubelets that serve with certificates of their own making are believed. */
  readonly ca?: string;
}

/** The text of one node's measurements. Rejects with an Error whose message says why not. */
export type Scrape = (node: Node, signal: AbortSignal) => Promise<string>;

/** `credentials` are read anew for each scrape. A connection is not kept: the next scrape is far. */
export function kubeletScraper(credentials: KubeletCredentials, clock: Clock): Scrape {
  return async (node, signal) => {
    const deadline = new AbortController();
    const timer = clock.after(SCRAPE_TIMEOUT_MS, () =>
      deadline.abort(new Error(`no answer within ${SCRAPE_TIMEOUT_MS} ms`)),
    );
    const agent = new Agent({ keepAlive: false });
    try {
      return await fetchText(node, { credentials, agent }, AbortSignal.any([signal, deadline.signal]));
    } catch (err) {
      throw deadline.signal.aborted ? deadline.signal.reason : err;
    } finally {
      timer.cancel();
      agent.destroy();
    }
  };
}

interface Connection {
  readonly credentials: KubeletCredentials;
  readonly agent: Agent;
}

function fetchText(node: Node, { credentials, agent }: Connection, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { cert, key, ca } = credentials;
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const sent = request({
    host: addressOf(node),
    port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT,
    path: "/metrics/resource",
    headers: { accept: "text/plain; version=0.0.4" },
    cert,
    key,
    ...trust,
    agent,
    signal,
  });
  sent.once("error", reject);
  sent.once("response", (response: IncomingMessage) => void readText(response).then(resolve, reject));
  sent.end();
  return promise;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error(`the answer is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  if (response.statusCode !== 200) throw new Error(`bad status code ${response.statusCode}`);
  return Buffer.concat(chunks).toString();
}

/** Throws for a node that has none. */
function addressOf({ metadata, status }: Node): string {
  for (const type of ADDRESS_TYPES) {
    const found = status?.addresses?.find((address) => address.type === type && address.address !== "");
    if (found !== undefined) return found.address;
  }
  throw new Error(`node ${metadata.name} has no address`);
}
