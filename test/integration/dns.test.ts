/** Cluster DNS beside a real API server, asked over UDP and TCP on loopback; and what it says of itself, with and without TLS. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { request as httpsRequest } from "node:https";
import { createConnection } from "node:net";
import { suite, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { decode, encode, streamDecode, streamEncode, type DecodedPacket } from "dns-packet";
import { ConfigMaps } from "#api/core/v1/configmap";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { silentLogger, systemClock, type Logger } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { newClient, newInformerFactory, type Client, type Transport } from "#client";
import { LiveValue, type HttpCertificates, type HttpSecurity } from "#component-base";
import { createCertificateAuthority, issueCertificate, type KeyPairPem } from "#component-base/pki";
import { runDns, type DnsOptions } from "#dns";
import { openMemoryStore } from "#storage";
import { metricsAccess } from "../../src/cmd/agent/metrics-access.ts";
import { forever, startSecurityServer } from "./security-server.ts";

const HOST = "127.0.0.1";
const ANY_PORT = { host: HOST, port: 0 };

interface Running extends AsyncDisposable {
  readonly informers: DnsOptions["informers"];
  /** Of the name server. */
  readonly port: Promise<number>;
  /** Of `/metrics`, `/health` and `/ready`, as soon as each is served. */
  readonly ports: ReadonlyMap<string, number>;
  /** Says "forwards" when a configuration is in use. */
  readonly events: EventEmitter;
}

/** Resolves when what it says of itself is served; names may not be answered yet. */
async function start(transport: Transport, options: Partial<DnsOptions> = {}): Promise<Running> {
  const client = newClient(transport);
  const informers = newInformerFactory({ client });
  const configs = newInformerFactory({ client });
  const informer = configs.informerFor(ConfigMaps, {
    namespace: "kube-system",
    fieldSelector: "metadata.name=kube-dns",
  });
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const served = Promise.withResolvers<void>();
  const ports = new Map<string, number>();
  const wanted = [options.metrics, options.health, options.ready].filter((one) => one !== undefined).length;
  if (wanted === 0) served.resolve();
  const events = new EventEmitter();
  const logger: Logger = {
    ...silentLogger,
    info: (message) => void (message.startsWith("DNS forwards") && events.emit("forwards")),
  };
  const running = runDns(
    {
      informers,
      listen: [ANY_PORT],
      clusterDomain: "cluster.local",
      upstreams: new LiveValue<readonly string[]>([]),
      configMaps: { informers: configs, informer },
      clock: systemClock,
      logger,
      onListening: ([port]) => listening.resolve(port!),
      onEndpoint(path, port) {
        ports.set(path, port);
        if (ports.size === wanted) served.resolve();
      },
      ...options,
    },
    stop.signal,
  );
  await served.promise;
  return {
    informers,
    port: listening.promise,
    ports,
    events,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

test("runDns() answers a service by name as soon as it exists, and lets go of its sockets", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const client = newClient(server.transport());
  const dns = await start(server.transport());
  const port = await dns.port;
  assert.equal(rcode(await askUdp(port, "web.default.svc.cluster.local")), "NXDOMAIN");

  const seen = Promise.withResolvers<void>();
  dns.informers
    .informer(Services)
    .addEventHandler({ onAdd: ({ metadata }) => metadata.name === "web" && seen.resolve() });
  await createService(client, "web", "10.96.0.77");
  await seen.promise;
  for (const ask of [askUdp, askTcp]) {
    assert.deepEqual(addresses(await ask(port, "web.default.svc.cluster.local")), ["10.96.0.77"]);
  }
  assert.equal(rcode(await askUdp(port, "example.org")), "REFUSED");

  await dns[Symbol.asyncDispose]();
  const probe = createSocket("udp4").bind(port, HOST);
  await once(probe, "listening");
  probe.close();
});

test("runDns() shows the endpoints of a headless service as their slices come, change and go", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const client = newClient(server.transport());
  await using dns = await start(server.transport());
  const port = await dns.port;
  const heard = new EventEmitter();
  dns.informers.informer(EndpointSlices).addEventHandler({
    onAdd: () => heard.emit("slice"),
    onUpdate: () => heard.emit("slice"),
    onDelete: () => heard.emit("slice"),
  });
  const name = "db.default.svc.cluster.local";
  const after = async (change: Promise<unknown>): Promise<readonly string[]> => {
    await Promise.all([once(heard, "slice"), change]);
    return addresses(await askUdp(port, name)).toSorted();
  };
  const one = sliceOf("db-1", ["10.244.0.1", "10.244.0.2"]);
  assert.deepEqual(await after(client.create(EndpointSlices, one, forever)), [], "there is no service yet");
  const known = Promise.withResolvers<void>();
  dns.informers
    .informer(Services)
    .addEventHandler({ onAdd: ({ metadata }) => metadata.name === "db" && known.resolve() });
  await createService(client, "db", "None");
  await known.promise;
  assert.deepEqual(addresses(await askUdp(port, name)).toSorted(), ["10.244.0.1", "10.244.0.2"]);
  const two = sliceOf("db-2", ["10.244.0.2", "10.244.0.3"]);
  assert.deepEqual(await after(client.create(EndpointSlices, two, forever)), [
    "10.244.0.1",
    "10.244.0.2",
    "10.244.0.3",
  ]);
  const current = await client.get(EndpointSlices, one.metadata, forever);
  const endpoints = [
    { addresses: ["10.244.0.1"], conditions: { ready: false } },
    { addresses: ["10.244.0.4"] },
  ];
  assert.deepEqual(await after(client.update(EndpointSlices, { ...current, endpoints }, forever)), [
    "10.244.0.2",
    "10.244.0.3",
    "10.244.0.4",
  ]);
  assert.deepEqual(await after(client.delete(EndpointSlices, two.metadata, forever)), ["10.244.0.4"]);
});

test("runDns() is ready when it has heard of the cluster, and healthy before", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const open = Promise.withResolvers<void>();
  const transport = gated(server.transport(), "/api/v1/services", open.promise);
  await using dns = await start(transport, { metrics: ANY_PORT, health: ANY_PORT, ready: ANY_PORT });
  const get = async (path: string): Promise<readonly [number, string]> => {
    const answer = await fetch(`http://${HOST}:${dns.ports.get(path)}${path}`);
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await get("/ready"), [503, "kubernetes"]);
  assert.deepEqual(await get("/health"), [200, "OK"]);
  open.resolve();
  const port = await dns.port;
  assert.deepEqual(await get("/ready"), [200, "OK"]);
  await askUdp(port, "none.default.svc.cluster.local");
  const [status, text] = await get("/metrics");
  assert.equal(status, 200);
  assert.match(text, /^coredns_dns_responses_total\{.*rcode="NXDOMAIN".*\} 1$/m);
});

test("runDns() forwards as the ConfigMap kube-dns says, and as the node's resolvers without it", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const client = newClient(server.transport());
  await using resolvers = new AsyncDisposableStack();
  const upstream = async (answer: string): Promise<string> => {
    const socket = await startUpstream(answer);
    resolvers.defer(() => void socket.close());
    return `${HOST}:${socket.address().port}`;
  };
  const [node, other, stub, chosen] = await Promise.all(
    ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(upstream),
  );
  const upstreams = new LiveValue<readonly string[]>([node!]);
  await using dns = await start(server.transport(), { upstreams });
  const port = await dns.port;
  const ask = async (name: string): Promise<readonly string[]> => addresses(await askUdp(port, name));
  const after = async (change: () => unknown): Promise<void> => {
    const used = once(dns.events, "forwards");
    await change();
    await used;
  };
  assert.deepEqual(await ask("example.org"), ["192.0.2.1"]);
  await after(() => upstreams.set([other!]));
  assert.deepEqual(await ask("example.org"), ["192.0.2.2"], "the node's resolv.conf changed");

  const stubDomains = JSON.stringify({ "acme.local": [stub] });
  await after(() => client.create(ConfigMaps, configMap({ stubDomains }), forever));
  assert.deepEqual(await ask("db.acme.local"), ["192.0.2.3"]);
  assert.deepEqual(await ask("example.org"), ["192.0.2.2"], "not what is stubbed");
  const upstreamNameservers = JSON.stringify([chosen]);
  await after(() => client.update(ConfigMaps, configMap({ upstreamNameservers }), forever));
  assert.deepEqual(await ask("example.org"), ["192.0.2.4"]);
  assert.deepEqual(await ask("db.acme.local"), ["192.0.2.4"], "the stub domain is gone");
  await after(() => upstreams.set([node!]));
  assert.deepEqual(await ask("example.org"), ["192.0.2.4"], "the ConfigMap goes before the node's");
  await after(() => client.delete(ConfigMaps, configMap({}).metadata, forever));
  assert.deepEqual(await ask("example.org"), ["192.0.2.1"]);
});

suite("runDns() with the node's certificate", () => {
  test("shows metrics to those whom the API server knows and allows, and health to all", async () => {
    await using cluster = await startSecurityServer();
    const authority = await createCertificateAuthority("kubernetes", systemClock);
    const certificates = new LiveValue<HttpCertificates>({
      clientCA: cluster.ca,
      ...pairOf(await servingPair(authority, "node-1")),
    });
    const secure: HttpSecurity = { certificates };
    const admit = metricsAccess(cluster.admin, systemClock);
    await using dns = await start(cluster.server.transport(), {
      metrics: { ...ANY_PORT, secure: { ...secure, admit } },
      health: { ...ANY_PORT, secure },
      ready: { ...ANY_PORT, secure },
    });
    await dns.port;
    const get = (path: string, shown: Shown = {}): Promise<Answer> =>
      overTls(dns.ports.get(path)!, path, shown);
    assert.deepEqual((await get("/ready")).status, 200);
    assert.deepEqual((await get("/health")).text, "OK");

    const nobody = await get("/metrics");
    assert.equal(nobody.status, 403);
    assert.match(nobody.text, /User \\"system:anonymous\\" cannot get path \\"\/metrics\\"/);
    assert.equal((await get("/metrics", { token: "garbage" })).status, 401);
    const foreign = await createCertificateAuthority("elsewhere", systemClock);
    const stranger = await issueCertificate(
      foreign,
      { commonName: "p", organizations: ["system:masters"], usages: ["client"] },
      systemClock,
    );
    assert.equal((await get("/metrics", pairOf(stranger))).status, 401);
    assert.equal((await get("/metrics", pairOf(await cluster.certificate("alice")))).status, 403);
    const monitor = await cluster.certificate("prometheus", "system:monitoring");
    const seen = await get("/metrics", pairOf(monitor));
    assert.deepEqual([seen.status, seen.subject], [200, "node-1"]);
    assert.match(seen.text, /^coredns_/m);
    const token = await tokenOf(cluster.admin);
    assert.equal((await get("/metrics", { token })).status, 403);

    await assert.rejects(
      fetch(`http://${HOST}:${dns.ports.get("/metrics")}/metrics`),
      "there is no plain HTTP",
    );
    certificates.set({ ...certificates.current, ...pairOf(await servingPair(authority, "node-2")) });
    assert.equal((await get("/ready")).subject, "node-2", "new connections see the renewed certificate");
  });

  test("answers nobody before there is one", async () => {
    await using server = await createApiServer({ store: await openMemoryStore() });
    const authority = await createCertificateAuthority("kubernetes", systemClock);
    const clientCA = authority.certificatePem;
    const certificates = new LiveValue<HttpCertificates>({ clientCA });
    await using dns = await start(server.transport(), { ready: { ...ANY_PORT, secure: { certificates } } });
    await dns.port;
    const port = dns.ports.get("/ready")!;
    await assert.rejects(overTls(port, "/ready", {}), /handshake failure|ssl3_read_bytes|ECONNRESET/);
    certificates.set({ clientCA, ...pairOf(await servingPair(authority, "node-1")) });
    assert.equal((await overTls(port, "/ready", {})).status, 200);
  });
});

function configMap(data: Readonly<Record<string, string>>): ConfigMap {
  const metadata = { name: "kube-dns", namespace: "kube-system" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

interface Shown {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Of the server's certificate. */
  readonly subject: string;
}

function overTls(port: number, path: string, { token, ...pair }: Shown): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = {
    host: HOST,
    port,
    path,
    headers,
    agent: false as const,
    rejectUnauthorized: false,
    ...pair,
  };
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(options, (response) => {
      const socket = response.socket as TLSSocket;
      const subject = String(socket.getPeerCertificate().subject.CN);
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), subject }),
      );
    });
    asked.once("error", reject);
    asked.end();
  });
}

function pairOf({
  certificatePem: cert,
  privateKeyPem: key,
}: KeyPairPem): Required<Pick<Shown, "cert" | "key">> {
  return { cert, key };
}

function servingPair(
  authority: Parameters<typeof issueCertificate>[0],
  commonName: string,
): Promise<KeyPairPem> {
  return issueCertificate(authority, { commonName, ipAddresses: [HOST], usages: ["server"] }, systemClock);
}

async function tokenOf(admin: Client): Promise<string> {
  const metadata = { name: "web", namespace: "default" };
  await admin.create(ServiceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata }, forever);
  const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: {} };
  const made = await admin.createSubresource(ServiceAccounts, metadata, "token", asked, forever);
  return (made as { status: { token: string } }).status.token;
}

function gated(transport: Transport, path: string, open: Promise<void>): Transport {
  const wait = (asked: string): Promise<void> | undefined => (asked === path ? open : undefined);
  return {
    async request(request, signal) {
      await wait(request.path);
      return transport.request(request, signal);
    },
    async *watch(request, signal) {
      await wait(request.path);
      yield* transport.watch(request, signal);
    },
    stream: (request, signal) => transport.stream(request, signal),
  };
}

async function createService(client: Client, name: string, clusterIP: string): Promise<void> {
  const metadata = { name, namespace: "default" };
  const spec = { clusterIP, ports: [{ port: 80 }] };
  await client.create(Services, { apiVersion: "v1", kind: "Service", metadata, spec }, forever);
}

function sliceOf(name: string, ready: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    ports: [{ port: 80 }],
    endpoints: ready.map((address) => ({ addresses: [address] })),
  };
}

/** A resolver to which every name has this address. */
async function startUpstream(data: string): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const { id = 0, questions = [] } = decode(message);
    const answers = [{ type: "A" as const, name: questions[0]!.name, ttl: 60, data }];
    socket.send(encode({ type: "response", id, flags: 0x0180, questions, answers }), from.port, from.address);
  });
  socket.bind(0, HOST);
  await once(socket, "listening");
  return socket;
}

function question(name: string): Parameters<typeof encode>[0] {
  return { type: "query", id: 1, flags: 0x0100, questions: [{ type: "A", name }] };
}

async function askUdp(port: number, name: string): Promise<DecodedPacket> {
  const socket = createSocket("udp4");
  socket.send(encode(question(name)), port, HOST);
  const [message] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return decode(message);
}

async function askTcp(port: number, name: string): Promise<DecodedPacket> {
  const socket = createConnection({ host: HOST, port });
  socket.write(streamEncode(question(name)));
  const [message] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return streamDecode(message) as DecodedPacket;
}

function addresses({ answers = [] }: DecodedPacket): readonly string[] {
  return answers.flatMap((record) => (record.type === "A" ? [record.data] : []));
}

function rcode(packet: DecodedPacket): string {
  return (packet as DecodedPacket & { rcode: string }).rcode;
}
