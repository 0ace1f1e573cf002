/** Two API servers in this process, one behind the other, and short ways to ask them as a client outside would. @module */
import { request as requestHttps, type Agent, type Server } from "node:https";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { systemClock, type KubeObject } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { createApiServer, newSecurity, STANDARD_HEADERS, type ApiServer } from "#apiserver";
import {
  createCertificateAuthority,
  generateServiceAccountKey,
  issueCertificate,
  type CertificateAuthority,
  type KeyPairPem,
} from "#component-base/pki";
import type { Request, Transport } from "#client";
import { openMemoryStore } from "#storage";

const HOST = "127.0.0.1";
const WAIT_MS = 60_000;
export const signal: AbortSignal = new AbortController().signal;
export const NAMESPACE = "extension";
export const GROUP = "wardle.example.com";
export const FLUNDERS: string = `/apis/${GROUP}/v1alpha1/namespaces/default/flunders`;
export const API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices";

export interface Pki {
  readonly ca: CertificateAuthority;
  readonly frontProxyCa: CertificateAuthority;
  readonly frontProxy: KeyPairPem;
  readonly client: (name: string, ...groups: readonly string[]) => Promise<KeyPairPem>;
}

export async function newPki(): Promise<Pki> {
  const ca = await createCertificateAuthority("kubernetes", systemClock);
  const frontProxyCa = await createCertificateAuthority("front-proxy-ca", systemClock);
  const usages = ["client"] as const;
  return {
    ca,
    frontProxyCa,
    frontProxy: await issueCertificate(
      frontProxyCa,
      { commonName: "front-proxy-client", usages },
      systemClock,
    ),
    client: (commonName, ...organizations) =>
      issueCertificate(ca, { commonName, organizations, usages }, systemClock),
  };
}

export interface Backends {
  /** Port by the name of the Service: this machine's own addresses are none of endpoints. */
  readonly ports: Map<string, number>;
}

export interface RunningServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly port: number;
  readonly pki: Pki;
  readonly transport: Transport;
  readonly send: (method: Request["method"], path: string, body?: unknown) => Promise<KubeObject>;
}

/** `backends`: the server aggregates others, which are found there. */
export async function startServer(
  pki: Pki,
  backends?: Backends,
  dnsName = "localhost",
): Promise<RunningServer> {
  const serving = await issueCertificate(
    pki.ca,
    { commonName: dnsName, dnsNames: [dnsName, "localhost"], ipAddresses: [HOST], usages: ["server"] },
    systemClock,
  );
  const { privateKeyPem: serviceAccountKeys } = await generateServiceAccountKey();
  const security = newSecurity({
    clock: systemClock,
    clientCa: pki.ca.certificatePem,
    serviceAccountKeys,
    issuer: "https://test",
  });
  const server = await createApiServer({
    store: await openMemoryStore(),
    freezeObjects: true,
    disabledAdmissionPlugins: ["ServiceAccount"],
    authenticator: security.authenticator,
    tls: { cert: serving.certificatePem, key: serving.privateKeyPem, clientCa: pki.ca.certificatePem },
    requestHeader: {
      ...STANDARD_HEADERS,
      clientCa: pki.frontProxyCa.certificatePem,
      allowedNames: ["front-proxy-client"],
    },
    ...(backends !== undefined && {
      proxyClient: { cert: pki.frontProxy.certificatePem, key: pki.frontProxy.privateKeyPem },
      resolveService: (_namespace: string, name: string) => ({
        host: HOST,
        port: backends.ports.get(name) ?? 1,
      }),
    }),
  });
  const [bound] = await server.listen([{ host: HOST, port: 0 }]);
  const transport = server.transport();
  return {
    server,
    port: bound!.port,
    pki,
    transport,
    async send(method, path, body) {
      const [plain = "", search] = path.split("?");
      const query = Object.fromEntries(new URLSearchParams(search));
      const request = { method, path: plain, query, ...(body !== undefined && { body }) };
      return (await transport.request(request, signal)).body as KubeObject;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly json: () => Record<string, unknown>;
}

export interface Ask {
  readonly method?: string;
  readonly as?: KeyPairPem;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: unknown;
  readonly agent?: Agent;
}

/** The head of the answer. `path` goes out as it is written. */
export function open(port: number, pki: Pki, path: string, how: Ask = {}): Promise<IncomingMessage> {
  const { method = "GET", as, headers = {}, body, agent = false } = how;
  return new Promise((resolve, reject) => {
    const request = requestHttps({
      host: HOST,
      port,
      path,
      method,
      ca: pki.ca.certificatePem,
      ...(as !== undefined && { cert: as.certificatePem, key: as.privateKeyPem }),
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      agent,
    });
    request.once("response", resolve);
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export async function ask(port: number, pki: Pki, path: string, how: Ask = {}): Promise<Answer> {
  const response = await open(port, pki, path, how);
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}

/** Service, endpoints and namespace that lead to a backend. */
export async function createService(front: RunningServer, name: string, port = 443): Promise<void> {
  const metadata = { name, namespace: NAMESPACE };
  await front
    .send("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: NAMESPACE },
    })
    .catch(() => undefined);
  await front.send("POST", `/api/v1/namespaces/${NAMESPACE}/services`, {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { ports: [{ name: "https", port }] },
  });
}

export function createSlice(front: RunningServer, name: string, ready = true): Promise<KubeObject> {
  return front.send("POST", `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace: NAMESPACE, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready } }],
    ports: [{ name: "https", port: 8443, protocol: "TCP" }],
  });
}

export function apiService(group: string, version: string, service: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      service: { namespace: NAMESPACE, name: service, port: 443 },
      groupPriorityMinimum: 2_000,
      versionPriority: 200,
      ...spec,
    },
  } as KubeObject;
}

/** Waits until the APIService says so. */
export async function untilCondition(
  { transport }: RunningServer,
  name: string,
  fits: (reason: string, message: string) => boolean,
): Promise<APIService> {
  let last: APIService | undefined;
  const stop = AbortSignal.timeout(WAIT_MS);
  const events = transport.watch({ method: "GET", path: API_SERVICES }, stop);
  try {
    for await (const { type, object } of events) {
      if (type === "ERROR" || object.metadata.name !== name) continue;
      last = object as APIService;
      const { reason = "", message = "" } = last.status?.conditions?.[0] ?? {};
      if (fits(reason, message)) return last;
    }
  } catch (err) {
    if (!stop.aborted) throw err;
  }
  throw new Error(`waiting for ${name}, last seen: ${JSON.stringify(last?.status)}`);
}

/** Asks again until the answer fits: what others serve is learnt in the background. */
export async function until<T>(look: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  const deadline = systemClock.monotonicMs() + WAIT_MS;
  for (;;) {
    const value = await look();
    if (fits(value)) return value;
    if (systemClock.monotonicMs() > deadline)
      throw new Error(`last seen: ${JSON.stringify(value).slice(0, 2_000)}`);
    await systemClock.sleep(10, signal);
  }
}

/** A definition, for the server behind. */
export const FLUNDER_DEFINITION: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `flunders.${GROUP}` },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: { plural: "flunders", singular: "flunder", kind: "Flunder", shortNames: ["fl"] },
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", properties: { reference: { type: "string" } } } },
          },
        },
      },
    ],
  },
} as KubeObject;

export function flunder(name: string, reference = "a"): KubeObject {
  return {
    apiVersion: `${GROUP}/v1alpha1`,
    kind: "Flunder",
    metadata: { name, namespace: "default" },
    spec: { reference },
  } as KubeObject;
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  return address.port;
}
