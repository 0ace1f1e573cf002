/** Cluster DNS beside a real API server, asked over UDP and TCP on loopback. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection } from "node:net";
import { test } from "node:test";
import { decode, encode, streamDecode, streamEncode, type DecodedPacket } from "dns-packet";
import { Services } from "#api/core/v1/service";
import { silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { newClient, newInformerFactory } from "#client";
import { runDns } from "#dns";
import { openMemoryStore } from "#storage";

test("runDns() answers a service by name as soon as it exists, and lets go of its sockets", async () => {
  await using server = await createApiServer({ store: await openMemoryStore() });
  const stop = new AbortController();
  const client = newClient(server.transport());
  const informers = newInformerFactory({ client });
  const listening = Promise.withResolvers<number>();
  const running = runDns(
    {
      informers,
      listen: [{ host: "127.0.0.1", port: 0 }],
      clusterDomain: "cluster.local",
      upstreams: [],
      clock: systemClock,
      logger: silentLogger,
      onListening: ([port]) => listening.resolve(port!),
    },
    stop.signal,
  );
  const port = await listening.promise;
  assert.equal(rcode(await askUdp(port, "web.default.svc.cluster.local")), "NXDOMAIN");

  const seen = Promise.withResolvers<void>();
  informers
    .informer(Services)
    .addEventHandler({ onAdd: ({ metadata }) => metadata.name === "web" && seen.resolve() });
  const metadata = { name: "web", namespace: "default" };
  const spec = { clusterIP: "10.96.0.77", ports: [{ port: 80 }] };
  await client.create(Services, { apiVersion: "v1", kind: "Service", metadata, spec }, stop.signal);
  await seen.promise;
  for (const ask of [askUdp, askTcp]) {
    const answer = await ask(port, "web.default.svc.cluster.local");
    assert.deepEqual(
      answer.answers?.map((record) => record.type === "A" && record.data),
      ["10.96.0.77"],
    );
  }
  assert.equal(rcode(await askUdp(port, "example.org")), "REFUSED");

  stop.abort();
  await running;
  const probe = createSocket("udp4").bind(port, "127.0.0.1");
  await once(probe, "listening");
  probe.close();
});

function question(name: string): Parameters<typeof encode>[0] {
  return { type: "query", id: 1, flags: 0x0100, questions: [{ type: "A", name }] };
}

async function askUdp(port: number, name: string): Promise<DecodedPacket> {
  const socket = createSocket("udp4");
  socket.send(encode(question(name)), port, "127.0.0.1");
  const [message] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return decode(message);
}

async function askTcp(port: number, name: string): Promise<DecodedPacket> {
  const socket = createConnection({ host: "127.0.0.1", port });
  socket.write(streamEncode(question(name)));
  const [message] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return streamDecode(message) as DecodedPacket;
}

function rcode(packet: DecodedPacket): string {
  return (packet as DecodedPacket & { rcode: string }).rcode;
}
