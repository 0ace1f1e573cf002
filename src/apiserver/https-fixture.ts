/** A server that listens on loopback in the test's own process, and a way to ask it over HTTP/1.1. Closed after each test. @module */
import type * as http from "node:http";
import { request as requestHttps, type Agent } from "node:https";
import { afterEach } from "node:test";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate, type KeyPairPem } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { createApiServer } from "./api-server.ts";
import { authenticatorChain, clientCertificate } from "./authn/index.ts";
import type { ApiServer, ApiServerOptions } from "./options.ts";

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Keeps its connection for the next request. */
  readonly agent?: Agent;
  readonly asNobody?: boolean;
}

export interface HttpsFixture {
  readonly server: ApiServer;
  readonly port: number;
  readonly admin: KeyPairPem;
  readonly ca: string;
  readonly send: (path: string, sent?: Sent) => Promise<Answer>;
  /** The answer as soon as its head is there. */
  readonly open: (path: string, sent?: Sent) => Promise<http.IncomingMessage>;
}

interface Credentials {
  readonly ca: string;
  readonly serving: KeyPairPem;
  readonly admin: KeyPairPem;
}

let credentials: Promise<Credentials> | undefined;
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export async function startHttps(options: Partial<ApiServerOptions> = {}): Promise<HttpsFixture> {
  const { ca, serving, admin } = await (credentials ??= newCredentials());
  const server = await createApiServer({
    store: await openMemoryStore(),
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca },
    authenticator: authenticatorChain([clientCertificate({ ca, clock: systemClock })]),
    ...options,
  });
  servers.push(server);
  const [bound] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const port = bound!.port;
  const open = (path: string, sent: Sent = {}): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { method = "GET", headers = {}, body, agent, asNobody } = sent;
      const cert = asNobody === true ? {} : { cert: admin.certificatePem, key: admin.privateKeyPem };
      const text = body === undefined ? "" : JSON.stringify(body);
      // Node frames no body of a DELETE by itself
      const all = text === "" ? headers : { ...headers, "content-length": String(Buffer.byteLength(text)) };
      const request = requestHttps(
        { host: "127.0.0.1", port, path, method, headers: all, ...cert, ca, agent: agent ?? false },
        resolve,
      );
      request.on("error", reject);
      request.end(text);
    });
  const send = async (path: string, sent?: Sent): Promise<Answer> => {
    const response = await open(path, sent);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  };
  return { server, port, admin, ca, send, open };
}

async function newCredentials(): Promise<Credentials> {
  const ca = await createCertificateAuthority("test", systemClock);
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
  return { ca: ca.certificatePem, serving, admin };
}
