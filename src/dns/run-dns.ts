/** The name server: keeps the zone in step with Services and EndpointSlices, and answers on UDP and TCP. @module */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Namespaces } from "#api/core/v1/namespace";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { keyOf, type Clock, type Logger, type ObjectKey } from "#apimachinery";
import type { InformerFactory } from "#client";
import { answerFromZone, errorAnswer, fitDatagram, parseQuery, type Query } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { Forwarder, lengthOf } from "./forward.ts";
import { recordsOf } from "./records.ts";
import { Zone } from "./zone.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface DnsOptions {
  readonly informers: InformerFactory;
  readonly listen: readonly ListenAddress[];
  readonly clusterDomain: string;
  /** Resolvers for other names; none: those are refused. */
  readonly upstreams: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told once when every socket is bound, with the ports in order. */
  readonly onListening?: (ports: readonly number[]) => void;
}

const SERVICE_INDEX = "service";
/** TCP clients at the same time, and how long one may stay silent. */
const TCP_CLIENTS_MAX = 256;
const TCP_IDLE_MS = 8_000;
const TCP_MESSAGE_MAX = 4_096;

/** Resolves when `signal` aborts. Rejects if an address cannot be bound. */
export async function runDns(options: DnsOptions, signal: AbortSignal): Promise<void> {
  const { informers, clusterDomain, logger } = options;
  const namespaces = informers.lister(Namespaces);
  const zone = new Zone(clusterDomain, (name) => namespaces.get(name) !== undefined);
  const resolver = new Resolver(zone, options, signal);
  followServices(zone, resolver, options);
  informers.start(signal);
  await informers.waitForSync(signal);

  const sockets = await Promise.all(options.listen.map((address) => bind(address, resolver, logger)));
  options.onListening?.(sockets.map(({ port }) => port));
  logger.info("cluster DNS answers", {
    addresses: options.listen.map(({ host }) => host),
    domain: clusterDomain,
  });
  if (!signal.aborted) await once(signal, "abort");
  for (const { udp, tcp, clients } of sockets) {
    udp.close();
    tcp.close();
    for (const client of clients) client.destroy();
  }
}

function followServices(zone: Zone, resolver: Resolver, { informers, clusterDomain }: DnsOptions): void {
  const services = informers.informer(Services);
  const slices = informers.informer(EndpointSlices);
  slices.addIndexer(SERVICE_INDEX, serviceKeysOf);
  const update = (key: ObjectKey): void => {
    const service = services.lister.get(key);
    const own = service === undefined ? [] : slices.lister.byIndex(SERVICE_INDEX, key);
    zone.set(key, service === undefined ? [] : recordsOf(service, own, clusterDomain));
    resolver.forget();
  };
  /** Endpoints show in the names of headless services alone. */
  const updateHeadless = (slice: EndpointSlice): void => {
    for (const key of serviceKeysOf(slice)) {
      if (services.lister.get(key)?.spec?.clusterIP === "None") update(key);
    }
  };
  services.addEventHandler({
    onAdd: (service) => update(keyOf(service)),
    onUpdate: (service) => update(keyOf(service)),
    onDelete: (service) => update(keyOf(service)),
  });
  slices.addEventHandler({ onAdd: updateHeadless, onUpdate: updateHeadless, onDelete: updateHeadless });
}

class Resolver {
  readonly #zone: Zone;
  readonly #domain: string;
  readonly #forwarder: Forwarder;
  readonly #cache = new AnswerCache();
  readonly #signal: AbortSignal;
  #serial = 1;

  constructor(zone: Zone, options: DnsOptions, signal: AbortSignal) {
    this.#zone = zone;
    this.#domain = options.clusterDomain;
    this.#forwarder = new Forwarder(options.upstreams, options.clock);
    this.#signal = signal;
  }

  forget(): void {
    this.#cache.clear();
    this.#serial = (this.#serial + 1) >>> 0;
  }

  /** Synchronous for the cluster's names; a promise for those of others; undefined: nothing to say. */
  answer(message: Buffer, overTcp: boolean): Buffer | Promise<Buffer> | undefined {
    const cached = overTcp ? { answer: undefined, rotation: 0 } : this.#cache.get(message);
    if (cached.answer !== undefined) return cached.answer;
    const query = parseQuery(message);
    if (query === undefined || Buffer.isBuffer(query)) return query;
    const full = answerFromZone(query, this.#zone, this.#domain, this.#serial, cached.rotation);
    if (full === undefined) return this.#forward(query, message, overTcp);
    if (overTcp) return full;
    const answer = fitDatagram(query, full);
    this.#cache.set(message, cached.rotation, answer);
    return answer;
  }

  #forward(query: Query, message: Buffer, overTcp: boolean): Buffer | Promise<Buffer> {
    if (!this.#forwarder.hasUpstreams) return errorAnswer(query, "refused");
    const copy = Buffer.from(message); // the datagram's buffer is reused
    return this.#forwarder
      .ask(copy, overTcp, this.#signal)
      .then((answer) => answer ?? errorAnswer(query, "servfail"));
  }
}

interface Bound {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  readonly clients: ReadonlySet<Socket>;
  readonly port: number;
}

async function bind(address: ListenAddress, resolver: Resolver, logger: Logger): Promise<Bound> {
  const udp = createSocket(address.host.includes(":") ? "udp6" : "udp4");
  udp.on("message", (message, from) => {
    const answer = resolver.answer(message, false);
    if (answer === undefined) return;
    if (Buffer.isBuffer(answer)) return udp.send(answer, from.port, from.address);
    answer.then(
      (later) => udp.send(later, from.port, from.address),
      (err: unknown) => logger.warn("could not forward a DNS question", { err }),
    );
  });
  udp.bind(address.port, address.host);
  await once(udp, "listening");
  udp.on("error", (err) => logger.warn("DNS socket", { err }));
  const clients = new Set<Socket>();
  const tcp = createServer((socket) => serveTcp(socket, clients, resolver));
  const { port } = udp.address();
  tcp.listen({ host: address.host, port });
  await once(tcp, "listening");
  return { udp, tcp, clients, port };
}

/** Messages with a length in front (RFC 1035 §4.2.2), one after another. */
function serveTcp(socket: Socket, clients: Set<Socket>, resolver: Resolver): void {
  if (clients.size >= TCP_CLIENTS_MAX) return void socket.destroy();
  clients.add(socket);
  socket.once("close", () => clients.delete(socket));
  socket.on("error", () => socket.destroy());
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  let buffered: Buffer = Buffer.alloc(0);
  const send = (answer: Buffer): void => {
    if (!socket.destroyed) socket.write(Buffer.concat([lengthOf(answer), answer]));
  };
  socket.on("data", (part: Buffer): void => {
    buffered = Buffer.concat([buffered, part]);
    while (buffered.length >= 2) {
      const length = buffered.readUInt16BE(0);
      if (length > TCP_MESSAGE_MAX) {
        socket.destroy();
        return;
      }
      if (buffered.length < 2 + length) return;
      const answer = resolver.answer(buffered.subarray(2, 2 + length), true);
      buffered = buffered.subarray(2 + length);
      if (answer === undefined) socket.destroy();
      else if (Buffer.isBuffer(answer)) send(answer);
      else answer.then(send, () => socket.destroy());
    }
  });
}
