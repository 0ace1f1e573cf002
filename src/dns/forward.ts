/** Asks the resolvers of the node about names that are not the cluster's. @module */
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import type { Clock } from "#apimachinery";

const TIMEOUT_MS = 2_000;
/** Questions under way; more are answered SERVFAIL. */
const IN_FLIGHT_MAX = 512;
const PORT = 53;

export class Forwarder {
  readonly #upstreams: readonly string[];
  readonly #clock: Clock;
  #inFlight = 0;

  constructor(upstreams: readonly string[], clock: Clock) {
    this.#upstreams = upstreams;
    this.#clock = clock;
  }

  get hasUpstreams(): boolean {
    return this.#upstreams.length > 0;
  }

  /** The first upstream's answer; undefined when none answers in time. */
  async ask(message: Buffer, overTcp: boolean, signal: AbortSignal): Promise<Buffer | undefined> {
    if (this.#inFlight >= IN_FLIGHT_MAX) return undefined;
    this.#inFlight++;
    try {
      for (const upstream of this.#upstreams) {
        const answer = await (overTcp
          ? this.#askTcp(message, upstream, signal)
          : this.#askUdp(message, upstream, signal));
        if (answer !== undefined) return answer;
      }
      return undefined;
    } finally {
      this.#inFlight--;
    }
  }

  /** A socket a question: its random port is what protects against forged answers. */
  #askUdp(message: Buffer, upstream: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = createSocket(upstream.includes(":") ? "udp6" : "udp4");
      const finish = (answer: Buffer | undefined): void => {
        timer.cancel();
        signal.removeEventListener("abort", give);
        socket.close();
        resolve(answer);
      };
      const give = (): void => finish(undefined);
      const timer = this.#clock.after(TIMEOUT_MS, give);
      signal.addEventListener("abort", give, { once: true });
      socket.once("error", give);
      socket.on("message", (answer) => {
        if (answer.length >= 12 && answer.readUInt16BE(0) === message.readUInt16BE(0)) finish(answer);
      });
      socket.connect(PORT, upstream, (() => socket.send(message)) as () => void);
    });
  }

  #askTcp(message: Buffer, upstream: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = createConnection({ host: upstream, port: PORT, signal });
      let received = Buffer.alloc(0);
      const finish = (answer: Buffer | undefined): void => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      const timer = this.#clock.after(TIMEOUT_MS, () => finish(undefined));
      socket.once("error", () => finish(undefined));
      socket.once("close", () => finish(undefined));
      socket.once("connect", () => socket.write(Buffer.concat([lengthOf(message), message])));
      socket.on("data", (part: Buffer) => {
        received = Buffer.concat([received, part]);
        if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
          finish(received.subarray(2, 2 + received.readUInt16BE(0)));
        }
      });
    });
  }
}

export function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

/** The `nameserver` lines of a resolv.conf; at most three, as the resolver of libc reads. */
export function upstreamsOf(resolvConf: string): readonly string[] {
  const found = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
  return found.slice(0, 3);
}
