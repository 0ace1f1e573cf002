/** The resolvers that answer for one set of names: in turn until one does, those that failed last. @module */
import { isIP } from "node:net";
import type { Clock } from "#apimachinery";
import { FLAGS, questionFor, TYPE_NUMBERS } from "../wire.ts";
import { RCODES } from "../answer.ts";
import type { Asked, Exchange, Server } from "./exchange.ts";

/** So many failures in a row make a resolver one that is asked last, until it answers a probe. */
const FAILS_MAX = 2;
/** Between probes of one that failed: doubling. */
const PROBE_MS = 500;
const PROBE_MAX_MS = 16_000;

export interface UpstreamEvents {
  /** `rcode` undefined: no answer. */
  readonly asked?: (server: string, rcode: number | undefined, durationMs: number) => void;
  readonly probeFailed?: (server: string) => void;
  readonly allFailed?: () => void;
}

interface Upstream {
  readonly server: Server;
  readonly name: string;
  fails: number;
  isProbed: boolean;
}

export class Upstreams {
  readonly #all: readonly Upstream[];
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #events: UpstreamEvents;

  constructor(servers: readonly Server[], exchange: Exchange, clock: Clock, events: UpstreamEvents = {}) {
    this.#all = servers.map((server) => ({ server, name: nameOf(server), fails: 0, isProbed: false }));
    this.#exchange = exchange;
    this.#clock = clock;
    this.#events = events;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** The first good answer, else a SERVFAIL that one gave; undefined when none answers. An answer that UDP cut is asked for anew over TCP. Probes go on until `lifetime` ends. */
  async ask(asked: Asked, signal: AbortSignal, lifetime: AbortSignal = signal): Promise<Buffer | undefined> {
    if (this.#all.every(isBad)) this.#events.allFailed?.();
    let failure: Buffer | undefined;
    for (const upstream of [...this.#all.filter((one) => !isBad(one)), ...this.#all.filter(isBad)]) {
      if (signal.aborted) return undefined;
      const answer = await this.#askOne(asked, upstream, signal, lifetime);
      if (answer === undefined) continue;
      if ((answer.readUInt16BE(2) & FLAGS.rcode) !== RCODES.servfail) return answer;
      failure ??= answer;
    }
    return failure;
  }

  async #askOne(
    asked: Asked,
    upstream: Upstream,
    signal: AbortSignal,
    lifetime: AbortSignal,
  ): Promise<Buffer | undefined> {
    const begin = this.#clock.monotonicMs();
    let answer = await this.#exchange(asked, upstream.server, "udp", this.#clock, signal);
    if (answer !== undefined && (answer.readUInt16BE(2) & FLAGS.truncated) !== 0)
      answer = (await this.#exchange(asked, upstream.server, "tcp", this.#clock, signal)) ?? answer;
    const rcode = answer === undefined ? undefined : answer.readUInt16BE(2) & FLAGS.rcode;
    this.#events.asked?.(upstream.name, rcode, this.#clock.monotonicMs() - begin);
    if (answer !== undefined) upstream.fails = 0;
    else if (!signal.aborted && ++upstream.fails >= FAILS_MAX) this.#probe(upstream, PROBE_MS, lifetime);
    return answer;
  }

  /** One at a time for each resolver; ends when it answers anything. */
  #probe(upstream: Upstream, delayMs: number, signal: AbortSignal): void {
    if (upstream.isProbed || signal.aborted) return;
    upstream.isProbed = true;
    this.#clock.after(delayMs, () => {
      void this.#exchange(ROOT_SERVERS, upstream.server, "udp", this.#clock, signal).then((answer) => {
        upstream.isProbed = false;
        if (answer !== undefined) {
          upstream.fails = 0;
          return;
        }
        this.#events.probeFailed?.(upstream.name);
        this.#probe(upstream, Math.min(2 * delayMs, PROBE_MAX_MS), signal);
      });
    });
  }
}

function isBad({ fails }: Upstream): boolean {
  return fails >= FAILS_MAX;
}

/** `1.2.3.4`, `1.2.3.4:5353`, `fd00::1` or `[fd00::1]:5353`; undefined for anything else. */
export function parseServer(text: string): Server | undefined {
  const match = /^(?:\[([\da-f:.]+(?:%\w+)?)\](?::(\d+))?|([\d.]+)(?::(\d+))?|([\da-f:.]+(?:%\w+)?))$/i.exec(
    text.trim(),
  );
  if (match === null) return undefined;
  const [, bracketed, bracketedPort, v4, v4Port, v6] = match;
  const host = bracketed ?? v4 ?? v6!;
  const port = Number(bracketedPort ?? v4Port ?? DNS_PORT);
  return isIP(host) !== 0 && port > 0 && port < 65_536 ? { host, port } : undefined;
}

const DNS_PORT = 53;

function nameOf({ host, port }: Server): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `. NS`, what CoreDNS asks: every resolver knows an answer, or says that it does not. */
const ROOT_SERVERS: Asked = {
  question: questionFor("", TYPE_NUMBERS.NS)!,
  hasEdns: false,
  dnssecOk: false,
  checkingDisabled: false,
};
