/** Asks a kubelet for `/metrics/resource`, with the API server's client certificate. @module */
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import type { Clock } from "#apimachinery";
import { kubeletAddress } from "#api/core/v1/kubelet-address";
import type { Node } from "#api/core/v1/types.gen";
import { readBody } from "#component-base";

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
  const address = kubeletAddress(node);
  if (address === undefined) throw new Error(`node ${node.metadata.name} has no address`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { cert, key, ca } = credentials;
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const sent = request({
    ...address,
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
  const tooLarge = (): Error => new Error(`the answer is larger than ${BODY_BYTES_MAX} bytes`);
  const body = await readBody(response, BODY_BYTES_MAX, tooLarge);
  if (response.statusCode !== 200) throw new Error(`bad status code ${response.statusCode}`);
  return body.toString();
}
