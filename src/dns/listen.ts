/** The sockets of the name server: UDP and TCP on one address. @module */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Logger } from "#apimachinery";
import { withLength } from "./forward/exchange.ts";
import type { Asker, Resolver } from "./resolver.ts";

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** TCP clients at the same time, and how long one may stay silent. */
const TCP_CLIENTS_MAX = 256;
const TCP_IDLE_MS = 8_000;
/** Questions of one TCP client under way; it is not read from while there are so many. */
const TCP_PIPELINE_MAX = 64;
const TCP_MESSAGE_MAX = 4_096;
/** Bursts of questions wait here while the event loop is busy. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Rejects if the address cannot be bound. */
export async function listen(address: ListenAddress, resolver: Resolver, logger: Logger): Promise<Listening> {
  const isV6 = address.host.includes(":");
  const family = isV6 ? "2" : "1";
  const udp = createSocket({
    type: isV6 ? "udp6" : "udp4",
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // askers are addresses: nothing is to be looked up
    lookup: (host, _options, done) => done(null, host, isV6 ? 6 : 4),
  });
  const closeUdp = serveUdp(udp, resolver, family, logger);
  const bound = once(udp, "listening"); // first: it may be bound at once
  udp.bind(address.port, address.host);
  await bound;
  udp.on("error", (err) => logger.warn("DNS socket", { err }));
  const clients = new Set<Socket>();
  const tcp = createServer((socket) => serveTcp(socket, clients, resolver, family));
  const { port } = udp.address();
  try {
    tcp.listen({ host: address.host, port });
    await once(tcp, "listening");
  } catch (err) {
    closeUdp();
    throw err;
  }
  tcp.on("error", (err) => logger.warn("DNS connection", { err }));
  return {
    port,
    async [Symbol.asyncDispose]() {
      closeUdp();
      for (const client of clients) client.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** Answers what comes. What it returns closes the socket: an answer that comes later is nobody's any more. */
export function serveUdp(
  udp: UdpSocket,
  resolver: Resolver,
  family: Asker["family"],
  logger: Logger,
): () => void {
  const asker: Asker = { protocol: "udp", family };
  let isOpen = true;
  const send = (answer: Buffer, { address, port }: RemoteInfo): void => {
    if (isOpen) udp.send(answer, port, address);
  };
  udp.on("message", (message, from) => {
    // Anybody can make such a packet; there is no way back to who did.
    if (from.port === 0) return;
    const answer = resolver.answer(message, asker);
    if (answer === undefined) return;
    if (Buffer.isBuffer(answer)) return send(answer, from);
    answer.then(
      (later) => send(later, from),
      (err: unknown) => logger.warn("could not forward a DNS question", { err }),
    );
  });
  return () => {
    isOpen = false;
    udp.close();
  };
}

/** Messages with a length in front (RFC 1035 §4.2.2); answered in the order in which answers are there (RFC 7766 §7). */
function serveTcp(socket: Socket, clients: Set<Socket>, resolver: Resolver, family: Asker["family"]): void {
  if (clients.size >= TCP_CLIENTS_MAX) return void socket.destroy();
  clients.add(socket);
  socket.once("close", () => clients.delete(socket));
  socket.on("error", () => socket.destroy());
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  const asker: Asker = { protocol: "tcp", family };
  let buffered: Buffer = Buffer.alloc(0);
  let running = 0;
  const send = (answer: Buffer): void => {
    if (!socket.destroyed) socket.write(withLength(answer));
  };
  const finish = (answer: Buffer): void => {
    running--;
    send(answer);
    socket.resume();
    read();
  };
  const read = (): void => {
    while (buffered.length >= 2 && !socket.destroyed) {
      if (running >= TCP_PIPELINE_MAX) return void socket.pause();
      const length = buffered.readUInt16BE(0);
      if (length > TCP_MESSAGE_MAX) return void socket.destroy();
      if (buffered.length < 2 + length) return;
      const answer = resolver.answer(buffered.subarray(2, 2 + length), asker);
      buffered = buffered.subarray(2 + length);
      if (answer === undefined) return void socket.destroy();
      if (Buffer.isBuffer(answer)) send(answer);
      else {
        running++;
        answer.then(finish, () => socket.destroy());
      }
    }
  };
  socket.on("data", (part: Buffer): void => {
    buffered = buffered.length === 0 ? part : Buffer.concat([buffered, part]);
    read();
  });
}
