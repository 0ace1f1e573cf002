/** Asks other resolvers about names that are not the cluster's: by stub domain, from the cache, each question once. @module */
import type { Clock } from "#apimachinery";
import type { DnsConfig } from "../dns-config.ts";
import type { Asked, Exchange } from "./exchange.ts";
import { ForwardCache, type CacheKind } from "./forward-cache.ts";
import { Upstreams, type UpstreamEvents } from "./upstreams.ts";

/** Questions under way, as in kubeadm's Corefile; more are refused an answer (SERVFAIL). */
const IN_FLIGHT_MAX = 1_000;
/** For one question, over all resolvers. */
const DEADLINE_MS = 5_000;

export interface ForwarderEvents extends UpstreamEvents {
  readonly cacheHit?: (kind: CacheKind) => void;
  readonly cacheMiss?: () => void;
  readonly rejected?: () => void;
}

export interface ForwarderOptions {
  readonly config: DnsConfig;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly events?: ForwarderEvents;
}

export class Forwarder {
  readonly cache: ForwardCache;
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #events: ForwarderEvents;
  readonly #inFlight = new Map<string, Promise<Buffer | undefined>>();
  #default!: Upstreams;
  #stubs!: ReadonlyMap<string, Upstreams>;
  /** Ends the probes of resolvers that are not configured any more. */
  #stop = new AbortController();

  constructor({ config, exchange, clock, events = {} }: ForwarderOptions) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#events = events;
    this.cache = new ForwardCache(() => clock.monotonicMs());
    this.configure(config);
  }

  /** Takes the place of what was configured; what others answered is forgotten. */
  configure({ upstreams, stubDomains }: DnsConfig): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    const of = (servers: DnsConfig["upstreams"]): Upstreams =>
      new Upstreams(servers, this.#exchange, this.#clock, this.#events);
    this.#default = of(upstreams);
    this.#stubs = new Map([...stubDomains].map(([domain, servers]) => [domain, of(servers)]));
    this.cache.clear();
  }

  /** The longest stub domain that the name is in, if it is longer than `thanDomain`. */
  stubOf(name: string, thanDomain = ""): string | undefined {
    if (this.#stubs.size === 0) return undefined;
    for (let rest = name; ; rest = rest.slice(rest.indexOf(".") + 1)) {
      if (rest.length <= thanDomain.length) return undefined;
      if (this.#stubs.has(rest)) return rest;
      if (!rest.includes(".")) return undefined;
    }
  }

  canAsk(name: string): boolean {
    return this.stubOf(name) !== undefined || !this.#default.isEmpty;
  }

  /** Whole answers: whoever asked over UDP may have to be told to come by TCP. undefined: nobody answered. */
  ask(asked: Asked, signal: AbortSignal): Promise<Buffer | undefined> {
    const key = keyOf(asked);
    const cached = this.cache.get(key);
    if (cached !== undefined) {
      this.#events.cacheHit?.(cached.kind);
      return Promise.resolve(cached.answer);
    }
    this.#events.cacheMiss?.();
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      this.#events.rejected?.();
      return Promise.resolve(undefined);
    }
    const answer = this.#askUpstreams(key, asked, signal).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, answer);
    return answer;
  }

  async #askUpstreams(key: string, asked: Asked, signal: AbortSignal): Promise<Buffer | undefined> {
    const stub = this.stubOf(asked.question.name);
    const upstreams = stub === undefined ? this.#default : this.#stubs.get(stub)!;
    const configured = this.#stop.signal;
    const deadline = new AbortController();
    const timer = this.#clock.after(DEADLINE_MS, () => deadline.abort());
    const stop = AbortSignal.any([signal, configured, deadline.signal]);
    const answer = await upstreams.ask(asked, stop, AbortSignal.any([signal, configured]));
    timer.cancel();
    if (answer !== undefined && !configured.aborted) this.cache.set(key, answer, asked.question);
    return answer;
  }
}

function keyOf({ question, hasEdns, dnssecOk, checkingDisabled }: Asked): string {
  const { name, typeNumber } = question;
  return `${typeNumber} ${hasEdns ? 1 : 0}${dnssecOk ? 1 : 0}${checkingDisabled ? 1 : 0} ${name}`;
}
