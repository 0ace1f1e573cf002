/** An API server that listens, and requests to it as they go over the wire: for tests of what clients see. @module */
import { request, type RequestOptions } from "node:https";
import { systemClock, type Clock } from "#apimachinery";
import { createApiServer, newSecurity, type ApiServer, type ApiServerOptions } from "#apiserver";
import { createCertificateAuthority, generateServiceAccountKey, issueCertificate } from "#component-base/pki";
import { openMemoryStore, type Store } from "#storage";

/** Answers are looked into freely. */
export type Json = any; // oxlint-disable-line typescript/no-explicit-any -- see above

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** Undefined when the body is no JSON. */
  readonly body: Json;
  /** Their texts alone. */
  readonly warnings: readonly string[];
}

export interface Sending {
  readonly body?: object;
  readonly raw?: string | Uint8Array;
  /** Of the body; JSON by default. */
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The lines of a watch as they come. */
export interface WatchLines extends AsyncDisposable {
  readonly answer: Pick<Answer, "code" | "headers">;
  /** The next event; undefined when the watch has ended. */
  next(): Promise<Json>;
}

export interface HttpServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  readonly port: number;
  readonly ca: string;
  readonly identity: { readonly cert: string; readonly key: string };
  send(method: string, path: string, sending?: Sending): Promise<Answer>;
  watch(path: string, sending?: Sending): Promise<WatchLines>;
}

export async function startHttpServer(options: Partial<ApiServerOptions> = {}): Promise<HttpServer> {
  const clock: Clock = systemClock;
  const authority = await createCertificateAuthority("kubernetes", clock);
  const serving = await issueCertificate(
    authority,
    { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    clock,
  );
  const admin = await issueCertificate(
    authority,
    { commonName: "kubernetes-admin", organizations: ["system:masters"], usages: ["client"] },
    clock,
  );
  const ca = authority.certificatePem;
  const { authenticator, tokenIssuer } = newSecurity({
    clock,
    clientCa: ca,
    serviceAccountKeys: (await generateServiceAccountKey()).privateKeyPem,
    issuer: "https://kubernetes.default.svc.cluster.local",
  });
  const store = await openMemoryStore();
  const server = await createApiServer({
    store,
    authenticator,
    tokenIssuer,
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca },
    disabledAdmissionPlugins: ["ServiceAccount", "StorageObjectInUseProtection"],
    freezeObjects: true,
    ...options,
  });
  const [address] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const { port } = address!;
  const identity = { cert: admin.certificatePem, key: admin.privateKeyPem };
  const base = { host: "127.0.0.1", port, ca, agent: false as const, ...identity };
  return {
    server,
    store,
    port,
    ca,
    identity,
    send: (method, path, sending = {}) => send({ ...base, method, path }, sending),
    watch: (path, sending = {}) => watch({ ...base, method: "GET", path }, sending),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await store.close();
    },
  };
}

function headersOf({ type, accept, headers }: Sending, payload: string | Uint8Array | undefined): object {
  return {
    accept: accept ?? "application/json",
    ...(payload !== undefined && {
      "content-type": type ?? "application/json",
      "content-length": Buffer.byteLength(payload),
    }),
    ...headers,
  };
}

function send(options: RequestOptions, sending: Sending): Promise<Answer> {
  const { body, raw } = sending;
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const req = request({ ...options, headers: { ...headersOf(sending, payload) } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("end", () => {
        const bytes = Buffer.concat(parts);
        const text = bytes.toString();
        const { statusCode: code = 0, headers } = response;
        resolve({ code, headers, bytes, text, body: jsonOf(text), warnings: warningsOf(headers["warning"]) });
      });
      response.once("error", reject);
    });
    req.once("error", reject);
    req.end(payload);
  });
}

function watch(options: RequestOptions, sending: Sending): Promise<WatchLines> {
  return new Promise((resolve, reject) => {
    const req = request({ ...options, headers: { ...headersOf(sending, undefined) } }, (response) => {
      const lines = linesOf(response.setEncoding("utf8") as AsyncIterable<string>);
      const { statusCode: code = 0, headers } = response;
      resolve({
        answer: { code, headers },
        next: async () => {
          const { value, done } = await lines.next();
          return done === true ? undefined : jsonOf(value);
        },
        [Symbol.asyncDispose]: async () => {
          response.on("error", () => {});
          req.destroy();
          await lines.return?.(undefined).catch(() => {});
        },
      });
    });
    req.once("error", reject);
    req.end();
  });
}

async function* linesOf(source: AsyncIterable<string>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const part of source) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
  const text = [header ?? []].flat().join(", ");
  return Array.from(text.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g), ([, message]) =>
    message!.replaceAll(/\\(.)/g, "$1"),
  );
}

export function configMap(name: string, more: object = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more };
}
