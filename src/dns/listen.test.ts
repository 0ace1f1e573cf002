import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { decode, encode, type DecodedPacket, type RecordType } from "dns-packet";
import { silentLogger, systemClock } from "#apimachinery";
import { textAnswer } from "#component-base";
import { DnsMetrics } from "./dns-metrics.ts";
import { systemExchange, withLength } from "./forward/exchange.ts";
import { Forwarder } from "./forward/forwarder.ts";
import { serveEndpoint } from "./http-endpoints.ts";
import { listen, serveUdp } from "./listen.ts";
import { Resolver } from "./resolver.ts";
import { Zone } from "./zone.ts";

const DOMAIN = "cluster.local";
const HOST = "127.0.0.1";
const UPSTREAM_ANSWER = "192.0.2.99";

test("listen() answers the cluster's names and forwards others, over UDP and TCP, with the asker's id and spelling", async () => {
  await using dns = await startServer();
  for (const ask of [overUdp, overTcp]) {
    assert.deepEqual(await ask(dns.port, "A", "far.default.svc.cluster.local"), [
      "far.default.svc.cluster.local CNAME",
      `example.org A ${UPSTREAM_ANSWER}`,
    ]);
    assert.deepEqual(await ask(dns.port, "A", "web.default.svc.cluster.local"), [
      "web.default.svc.cluster.local A 10.96.0.9",
    ]);
    assert.deepEqual(await ask(dns.port, "A", "Example.ORG"), [`example.org A ${UPSTREAM_ANSWER}`]);
  }
  assert.equal(dns.asked.count, 1, "forged answers were ignored, the true one was remembered");
  const metrics = await dns.metrics.expose();
  assert.match(
    metrics,
    /^coredns_dns_requests_total\{server="dns:\/\/127\.0\.0\.1:53",zone="cluster\.local\.",view="",proto="udp",family="1",type="A"\} 2$/m,
  );
  assert.match(metrics, /^coredns_dns_responses_total\{.*rcode="NOERROR",plugin="kubernetes"\} 2$/m);
  assert.match(metrics, /^coredns_dns_request_duration_seconds_bucket\{.*zone="\.".*,le="\+Inf"\} 2$/m);
  assert.match(metrics, /^coredns_cache_entries\{.*type="success".*\} 1$/m);
  assert.match(metrics, /^coredns_cache_hits_total\{.*type="success".*\} 3$/m);
});

test("listen() goes on after garbage, and ends a TCP client that sends it", async () => {
  await using dns = await startServer();
  const udp = createSocket("udp4");
  for (const garbage of ["", "x", "\0".repeat(600), "\xff".repeat(5_000)])
    udp.send(Buffer.from(garbage, "latin1"), dns.port, HOST);
  const tcp = connect(dns.port, HOST);
  tcp.write(Buffer.from("ffff00", "hex"));
  tcp.resume();
  await once(tcp, "close");
  assert.equal((await overUdp(dns.port, "A", "web.default.svc.cluster.local")).length, 1);
  udp.close();
});

test("serveUdp() survives a question from port 0, and an answer that comes after the socket was closed", async () => {
  const late = Promise.withResolvers<Buffer>();
  const question = encode({ type: "query", id: 1, questions: [{ type: "A", name: "a" }] });
  let asked = 0;
  const resolver = {
    answer: () => (asked++ === 0 ? late.promise : Buffer.from(question)),
  } as unknown as Resolver;
  const failures: unknown[] = [];
  const logger = { ...silentLogger, warn: (...told: unknown[]) => void failures.push(told) };
  const udp = createSocket("udp4");
  const close = serveUdp(udp, resolver, "1", logger);
  udp.bind(0, HOST);
  await once(udp, "listening");
  const from = { address: HOST, family: "IPv4", size: question.length } as const;
  udp.emit("message", question, { ...from, port: 0 });
  assert.equal(asked, 0, "nobody could be answered");
  udp.emit("message", question, { ...from, port: udp.address().port });
  close();
  late.resolve(question);
  udp.emit("message", question, { ...from, port: 53 });
  await new Promise(setImmediate);
  assert.deepEqual([asked, failures], [2, []]);
});

test("serveEndpoint() answers its path alone, and says so when the port is taken", async () => {
  const address = { host: HOST, port: 0 };
  await using server = await serveEndpoint(
    { path: "/health", address, answer: () => textAnswer(200, "OK") },
    silentLogger,
  );
  const base = `http://${HOST}:${server.port}`;
  assert.equal(await (await fetch(`${base}/health`)).text(), "OK");
  assert.equal((await fetch(`${base}/other`)).status, 404);
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => void errors.push(message) };
  const taken = { host: HOST, port: server.port };
  await using second = await serveEndpoint(
    { path: "/ready", address: taken, answer: () => textAnswer(200, "OK") },
    logger,
  );
  assert.equal(second.port, 0);
  assert.deepEqual(errors, ["DNS /ready is not served"]);
});

interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly metrics: DnsMetrics;
  readonly asked: { count: number };
}

async function startServer(): Promise<TestServer> {
  const asked = { count: 0 };
  const upstream = await startUpstream(asked);
  const server = { host: HOST, port: upstream.address().port };
  const metrics = new DnsMetrics("dns://127.0.0.1:53");
  const forwarder = new Forwarder({
    config: { upstreams: [server], stubDomains: new Map() },
    exchange: systemExchange,
    clock: systemClock,
    events: metrics.forwarderEvents(),
  });
  metrics.watchCache(forwarder.cache);
  const zone = new Zone(DOMAIN, () => false);
  const add = (name: string, spec: object): void => {
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec,
    } as const;
    zone.setService(service, () => []);
  };
  add("web", { clusterIP: "10.96.0.9" });
  add("far", { type: "ExternalName", externalName: "example.org" });
  const stop = new AbortController();
  const options = { zone, domain: DOMAIN, forwarder, metrics, clock: systemClock };
  const listening = await listen({ host: HOST, port: 0 }, new Resolver(options, stop.signal), silentLogger);
  return {
    port: listening.port,
    metrics,
    asked,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await listening[Symbol.asyncDispose]();
      upstream.close();
    },
  };
}

/** Before each true answer come two that somebody forged: one with another id, one to another question. */
async function startUpstream(asked: { count: number }): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    asked.count++;
    const { id = 0, questions = [] } = decode(message);
    const { name } = questions[0]!;
    const send = (forgedId: number, forgedName: string, data: string): void =>
      socket.send(
        encode({
          type: "response",
          id: forgedId,
          flags: 0x0180,
          questions: [{ type: "A", name: forgedName }],
          answers: [{ type: "A", name: forgedName, ttl: 60, data }],
        }),
        from.port,
        from.address,
      );
    send(id ^ 1, name, "192.0.2.66");
    send(id, "forged.example", "192.0.2.66");
    send(id, name, UPSTREAM_ANSWER);
  });
  socket.bind(0, HOST);
  await once(socket, "listening");
  return socket;
}

async function overUdp(port: number, type: RecordType, name: string): Promise<readonly string[]> {
  const socket = createSocket("udp4");
  socket.send(query(type, name), port, HOST);
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return describe(decode(answer), name);
}

async function overTcp(port: number, type: RecordType, name: string): Promise<readonly string[]> {
  const socket = connect(port, HOST);
  socket.write(withLength(query(type, name)));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return describe(decode(answer.subarray(2)), name);
}

function query(type: RecordType, name: string): Buffer {
  return encode({ type: "query", id: 9, flags: 0x0100, questions: [{ type, name }] });
}

function describe(packet: DecodedPacket, asked: string): readonly string[] {
  assert.equal(packet.id, 9);
  assert.equal(packet.questions?.[0]?.name, asked);
  return (packet.answers ?? []).map((answer) =>
    answer.type === "A" ? `${answer.name} A ${answer.data}` : `${answer.name} ${answer.type}`,
  );
}
