/** An API server that listens on loopback with the whole security of a cluster, and ways to ask it as anybody. @module */
import { request } from "node:https";
import { FakeClock, systemClock, type KubeObject } from "#apimachinery";
import {
  createApiServer,
  newSecurity,
  type ApiServer,
  type ApiServerOptions,
  type SecurityOptions,
} from "#apiserver";
import { newClient, type Client } from "#client";
import {
  createCertificateAuthority,
  generateServiceAccountKey,
  issueCertificate,
  type KeyPairPem,
} from "#component-base/pki";
import { openMemoryStore } from "#storage";

export const ISSUER = "https://kubernetes.default.svc.cluster.local";
export const forever: AbortSignal = new AbortController().signal;

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  /** Default: JSON. */
  readonly contentType?: string;
  readonly token?: string;
  /** Shown in the handshake. */
  readonly certificate?: KeyPairPem;
  /** In pairs: names may come more than once. */
  readonly headers?: readonly (readonly [string, string])[];
}

export interface Answered {
  readonly code: number;
  readonly text: string;
  readonly json: { readonly message?: string; readonly reason?: string } & Partial<KubeObject>;
}

export interface SecurityServer extends AsyncDisposable {
  readonly server: ApiServer;
  /** A member of system:masters, in process. */
  readonly admin: Client;
  readonly clock: FakeClock;
  readonly signingKey: string;
  readonly ca: string;
  /** On 127.0.0.1. */
  readonly port: number;
  send(path: string, asked?: Asked): Promise<Answered>;
  /** A client certificate of the cluster's authority. */
  certificate(name: string, ...groups: readonly string[]): Promise<KeyPairPem>;
  /** Of the cluster's authority, too, and no longer good. */
  expiredCertificate(name: string, ...groups: readonly string[]): Promise<KeyPairPem>;
  signLegacyToken: ReturnType<typeof newSecurity>["signLegacyToken"];
}

/** Tokens live by `clock`; everything else by the system's. */
export async function startSecurityServer(
  security: Partial<SecurityOptions> = {},
  options: Partial<ApiServerOptions> = {},
): Promise<SecurityServer> {
  const clock = new FakeClock(systemClock.now());
  const authority = await createCertificateAuthority("kubernetes", systemClock);
  const serving = await issueCertificate(
    authority,
    { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  const { privateKeyPem: signingKey } = await generateServiceAccountKey();
  const ca = authority.certificatePem;
  const made = newSecurity({
    clock,
    clientCa: ca,
    serviceAccountKeys: signingKey,
    issuer: ISSUER,
    ...security,
  });
  const store = await openMemoryStore();
  const server = await createApiServer({
    store,
    authenticator: made.authenticator,
    tokens: made.tokens,
    apiAudiences: made.apiAudiences,
    tokenIssuer: made.tokenIssuer,
    routes: made.routes,
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: ca },
    disabledAdmissionPlugins: ["ServiceAccount", "StorageObjectInUseProtection", "TaintNodesByCondition"],
    ...options,
  });
  const admin = newClient(server.transport(), { userAgent: "test" });
  made.attach(admin);
  const [bound] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const port = bound!.port;
  return {
    server,
    admin,
    clock,
    signingKey,
    ca,
    port,
    signLegacyToken: made.signLegacyToken,
    send: (path, asked = {}) => ask(port, path, asked),
    certificate: (commonName, ...organizations) =>
      issueCertificate(authority, { commonName, organizations, usages: ["client"] }, systemClock),
    expiredCertificate: (commonName, ...organizations) =>
      issueCertificate(
        authority,
        { commonName, organizations, usages: ["client"], validityMs: -1_000 },
        systemClock,
      ),
    async [Symbol.asyncDispose]() {
      await server.close();
      await store.close();
    },
  };
}

function ask(port: number, path: string, asked: Asked): Promise<Answered> {
  const { method = "GET", body, contentType = "application/json", token, certificate, headers = [] } = asked;
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    ["host", `127.0.0.1:${port}`],
    ...(token === undefined ? [] : [["authorization", `Bearer ${token}`]]),
    ...(text === ""
      ? []
      : [
          ["content-type", contentType],
          ["content-length", String(Buffer.byteLength(text))],
        ]),
    ...headers,
  ];
  const pair =
    certificate === undefined ? {} : { cert: certificate.certificatePem, key: certificate.privateKeyPem };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method,
        headers: lines.flat(),
        rejectUnauthorized: false,
        agent: false,
        ...pair,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const answer = Buffer.concat(chunks).toString();
          const isJson = response.headers["content-type"]?.includes("json") === true;
          resolve({
            code: response.statusCode ?? 0,
            text: answer,
            json: isJson ? (JSON.parse(answer) as Answered["json"]) : {},
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });
}
