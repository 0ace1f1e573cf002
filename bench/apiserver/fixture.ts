/** An API server that listens, its administrator, and a worker that asks: what the benches of the API server share. @module */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:https";
import { Worker } from "node:worker_threads";
import { isAlreadyExists, systemClock } from "#apimachinery";
import { createApiServer, type ApiServer } from "#apiserver";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import type { Store } from "#storage";
import { authenticatorChain, clientCertificate } from "../../src/apiserver/authn/index.ts";
import type { Drained, DrainRequest } from "./drain.ts";
import type { LoadRequest, LoadResult, WatchLoad } from "./load.ts";

export interface Measured extends LoadResult {
  /** CPU time of the serving thread per request. */
  readonly cpuMicros: number;
}

export interface FanOut {
  /** Deliveries. */
  readonly perSecond: number;
  /** CPU time of the serving thread per delivery. */
  readonly cpuMicros: number;
}

export interface Served {
  readonly server: ApiServer;
  readonly port: number;
  close(): Promise<void>;
}

const LOAD = new URL("./load.ts", import.meta.url);
const DRAIN = new URL("./drain.ts", import.meta.url);
let drainer: ChildProcess | undefined;

const ca = await createCertificateAuthority("bench", systemClock);
const serving = await issueCertificate(
  ca,
  { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
  systemClock,
);
const admin = await issueCertificate(
  ca,
  { commonName: "admin", organizations: ["system:masters"], usages: ["client"] },
  systemClock,
);

export const tls: { readonly cert: string; readonly key: string } = {
  cert: serving.certificatePem,
  key: serving.privateKeyPem,
};
const client = { cert: admin.certificatePem, key: admin.privateKeyPem };
const worker = new Worker(LOAD, { workerData: { kind: "load" } });
worker.unref();

export async function serve(store: Store): Promise<Served> {
  const server = await createApiServer({
    store,
    tls: { ...tls, clientCa: ca.certificatePem },
    authenticator: authenticatorChain([clientCertificate({ ca: ca.certificatePem, clock: systemClock })]),
  });
  const [address] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  const path = "/api/v1/namespaces/default/serviceaccounts";
  const { signal } = new AbortController();
  await server
    .transport()
    .request({ method: "POST", path, body: account }, signal)
    .catch((err: unknown) => {
      if (!isAlreadyExists(err)) throw err; // the store is not new
    });
  return { server, port: address!.port, close: () => server.close() };
}

/** The load, and what it cost this thread, which serves: that hardly depends on what else the machine does. */
export function load(asked: Omit<LoadRequest, "cert" | "key">): Promise<Measured> {
  return new Promise((resolve) => {
    const before = process.threadCpuUsage();
    worker.ref();
    worker.once("message", (result: LoadResult) => {
      worker.unref();
      const { user, system } = process.threadCpuUsage(before);
      resolve({ ...result, cpuMicros: (user + system) / asked.requests });
    });
    worker.postMessage({ ...asked, ...client }, []);
  });
}

/** Opens the watches, then makes `change` happen; over when every watcher has all deliveries. */
export async function fanOut(
  target: Omit<WatchLoad, "cert" | "key">,
  change: () => Promise<void>,
): Promise<FanOut> {
  const watching = new Worker(LOAD, { workerData: { kind: "watch" } });
  let before = process.threadCpuUsage();
  const messages = new Promise<number>((resolve) => {
    watching.on("message", (message: "ready" | number) => {
      if (message !== "ready") return resolve(message);
      before = process.threadCpuUsage();
      void change();
    });
  });
  watching.postMessage({ ...target, ...client } satisfies WatchLoad, []);
  const ms = await messages;
  const { user, system } = process.threadCpuUsage(before);
  await watching.terminate();
  return { perSecond: (target.deliveries / ms) * 1000, cpuMicros: (user + system) / target.deliveries };
}

/** Another process reads and forgets; resolves with how many bytes there were. */
export async function drain(port: number, path: string): Promise<number> {
  drainer ??= fork(DRAIN);
  drainer.ref();
  drainer.send({ port, path, ...client } satisfies DrainRequest);
  const [drained] = (await once(drainer, "message")) as [Drained];
  drainer.unref();
  drainer.channel?.unref();
  if ("error" in drained) throw new Error(`reading ${path}: ${drained.error}`);
  return drained.bytes;
}

export async function body(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers, ...client, rejectUnauthorized: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", reject);
    })
      .once("error", reject)
      .end();
  });
}
