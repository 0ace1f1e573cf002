/** Sends mutated requests to an API server, one after another, and judges every answer and what it left in the store. @module */
import assert from "node:assert/strict";
import { Agent, request, type AgentOptions } from "node:https";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { silentLogger, type Logger } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import { clientConfigOf, parseKubeconfig } from "#client/node";
import { startTestCluster, type TestCluster } from "#testing";
import { judge, type Answer } from "./judge.ts";
import { fuzzRequests, type FuzzRequest } from "./requests.ts";

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  /** Told of every thousandth request. */
  readonly onProgress?: (done: number) => void;
}

export interface FuzzReport {
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

const KEPT = { namespace: "default", name: "kept" };
const PROGRESS = 1_000;

/** Rejects with the first request that was answered wrongly; the server serves on, whatever was sent. */
export async function fuzz({ requests, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const failures: unknown[] = [];
  const logger = newLogger(failures);
  // Nobody else writes: what a refused request leaves in the store is judged.
  const alone = { controllers: false, scheduler: false, nodes: 0, metricsResolutionMs: 0 };
  const options = { ...alone, listen: true, logger };
  await using cluster = await startTestCluster(options);
  const config = clientConfigOf(await parseKubeconfig(cluster.kubeconfig!, "kubeconfig"), {});
  const { cert, key } = config.clientCertificate!;
  const agent = new Agent({ ca: config.ca, cert, key, keepAlive: true, maxSockets: 1 } as AgentOptions);
  const { server } = config;
  const statuses = new Map<number, number>();
  let done = 0;
  try {
    await cluster.client.create(
      ConfigMaps,
      { apiVersion: "v1", kind: "ConfigMap", metadata: KEPT, data: { a: "1" } },
      cluster.signal,
    );
    const property = fc.asyncProperty(fuzzRequests(), async (sent) => {
      const before = await revisionOf(cluster);
      const answer = await send(server, agent, sent);
      const isRefused = judged(answer, sent, failures);
      if (isRefused) assert.equal(await revisionOf(cluster), before, "a refused request changed the store");
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (++done % PROGRESS === 0) onProgress?.(done);
    });
    // Shrinking such requests takes longer than reading one.
    await fc.assert(property, { numRuns: requests, seed, endOnFailure: true });
    const { status } = await send(server, agent, { method: "GET", path: "/readyz", headers: {} });
    assert.equal(status, 200);
    assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).toSorted(), PROTOTYPE);
  } finally {
    agent.destroy();
  }
  return { statuses };
}

function judged(answer: Answer, { method, path }: FuzzRequest, failures: readonly unknown[]): boolean {
  try {
    return judge(answer, method, path);
  } catch (err) {
    const inside = failures.at(-1);
    const stack = inside instanceof Error ? inside.stack : "";
    throw new Error(`${String(err)}: ${method} ${path}\n${stack}`, { cause: err });
  }
}

/** Keeps what went wrong inside the server: a 500 tells its client too little. */
function newLogger(failures: unknown[]): Logger {
  const logger: Logger = {
    ...silentLogger,
    error: (_message, fields) => void failures.push(fields?.["err"]),
    child: () => logger,
  };
  return logger;
}

/** Nothing that a request brings may end up there. */
const PROTOTYPE: readonly string[] = Object.getOwnPropertyNames(Object.prototype).toSorted();

async function revisionOf({ client, signal }: TestCluster): Promise<string> {
  const { metadata } = await client.list(Namespaces, { limit: 1 }, signal);
  return metadata.resourceVersion ?? "";
}

function send(server: string, agent: Agent, { method, path, headers, body }: FuzzRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { hostname, port } = new URL(server);
  // Node says no length of its own for DELETE, and the body would be the next request.
  const framed = body === undefined ? headers : { ...headers, "content-length": String(body.length) };
  const sent = request({ hostname, port, path, method, agent, headers: framed }, (response) => {
    buffer(response).then(
      (content) =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"] ?? "",
          body: content,
        }),
      reject,
    );
  });
  sent.once("error", reject);
  sent.end(body);
  return promise;
}
