/** A name server with 10,000 services, or a program that sends every datagram back: the limit of one. Told to stop by a closed channel. @module */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { silentLogger, systemClock } from "#apimachinery";
import { DnsMetrics } from "../../src/dns/dns-metrics.ts";
import { systemExchange } from "../../src/dns/forward/exchange.ts";
import { Forwarder } from "../../src/dns/forward/forwarder.ts";
import { listen } from "../../src/dns/listen.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { Zone } from "../../src/dns/zone.ts";

const HOST = "127.0.0.1";
const DOMAIN = "cluster.local";
const [what = "dns", services = "0"] = process.argv.slice(2);

export interface Usage {
  readonly cpuMs: number;
}

const port = what === "echo" ? await startEcho() : await startDns(Number(services));
process.send!({ port });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!({ cpuMs: (user + system) / 1_000 } satisfies Usage);
});
process.on("disconnect", () => process.exit(0));

async function startEcho(): Promise<number> {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  socket.on("message", (message, from) => socket.send(message, from.port, from.address));
  const bound = once(socket, "listening");
  socket.bind(0, HOST);
  await bound;
  return socket.address().port;
}

async function startDns(count: number): Promise<number> {
  const zone = new Zone(DOMAIN, () => true);
  for (let i = 0; i < count; i++) {
    const metadata = { name: `web-${i}`, namespace: "default" };
    const spec = { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: [{ name: "http", port: 80 }] };
    const service = { apiVersion: "v1", kind: "Service", metadata, spec } as const;
    zone.setService(service, () => []);
  }
  const metrics = new DnsMetrics("dns://bench");
  const config = { upstreams: [], stubDomains: new Map() };
  const forwarder = new Forwarder({ config, exchange: systemExchange, clock: systemClock });
  const options = { zone, domain: DOMAIN, forwarder, metrics, clock: systemClock };
  const resolver = new Resolver(options, new AbortController().signal);
  return (await listen({ host: HOST, port: 0 }, resolver, silentLogger)).port;
}
