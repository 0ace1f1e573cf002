/** Answers questions: from what was answered before, from the zone, or by asking others. @module */
import { decode, type Answer } from "dns-packet";
import type { Clock } from "#apimachinery";
import { AnswerCache } from "./answer-cache.ts";
import {
  answerFromZone,
  errorAnswer,
  parseQuery,
  RCODES,
  reply,
  type Query,
  type Rcode,
  type ZoneAnswer,
} from "./answer.ts";
import type { DnsMetrics, Series, Traits } from "./dns-metrics.ts";
import type { Asked } from "./forward/exchange.ts";
import type { Forwarder } from "./forward/forwarder.ts";
import type { AnswerRecord } from "./message-writer.ts";
import { FLAGS, HEADER_BYTES, questionFor, type Question } from "./wire.ts";
import type { Zone } from "./zone.ts";

export interface Asker {
  readonly protocol: "udp" | "tcp";
  readonly family: "1" | "2";
}

export interface ResolverOptions {
  readonly zone: Zone;
  readonly domain: string;
  readonly forwarder: Forwarder;
  readonly metrics: DnsMetrics;
  readonly clock: Clock;
}

/** Types that CoreDNS counts by name; all others are `other`. */
const COUNTED_TYPES: ReadonlySet<string> = new Set([
  "A",
  "AAAA",
  "SRV",
  "PTR",
  "CNAME",
  "TXT",
  "SOA",
  "NS",
  "ANY",
]);

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #cache = new AnswerCache<Series>();
  readonly #signal: AbortSignal;
  #serial = 1;

  constructor(options: ResolverOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** The zone has changed. */
  forget(): void {
    this.#cache.clear();
    this.#serial = (this.#serial + 1) >>> 0;
  }

  /** Synchronous for the cluster's names; a promise for those of others; undefined: nothing to say. */
  answer(message: Buffer, asker: Asker): Buffer | Promise<Buffer> | undefined {
    const begin = this.#options.clock.monotonicMs();
    const isTcp = asker.protocol === "tcp";
    const cached = isTcp ? { answer: undefined, rotation: 0 } : this.#cache.get(message);
    if (cached.answer !== undefined) {
      this.#count(cached.about, begin, message.length, cached.answer);
      return cached.answer;
    }
    const query = parseQuery(message, isTcp);
    if (query === undefined) return undefined;
    const traits = { ...asker, type: "other", zone: ".", plugin: "" } as const;
    if (Buffer.isBuffer(query)) return this.#counted(query, begin, message.length, traits);
    return this.#answerQuery(query, message, begin, asker, cached.rotation);
  }

  #answerQuery(
    query: Query,
    message: Buffer,
    begin: number,
    asker: Asker,
    rotation: number,
  ): Buffer | Promise<Buffer> {
    const { zone, domain, forwarder } = this.#options;
    const { name, type } = query.question;
    const isStub = forwarder.stubOf(name, isIn(name, domain) ? domain : "") !== undefined;
    const found: ZoneAnswer = isStub
      ? { kind: "foreign" }
      : answerFromZone(query, zone, domain, this.#serial, rotation);
    const zoneName = isIn(name, domain) && !isStub ? `${domain}.` : ".";
    const counted = { ...asker, type: COUNTED_TYPES.has(type) ? type : "other", zone: zoneName };
    if (found.kind === "reply") {
      const traits = { ...counted, plugin: "kubernetes" } as const;
      const series = this.#seriesOf(found.bytes, traits);
      this.#count(series, begin, message.length, found.bytes);
      if (asker.protocol === "udp") this.#cache.set(message, rotation, found.bytes, found.isTurned, series);
      return found.bytes;
    }
    const length = message.length; // the datagram's buffer is reused
    const answer = found.kind === "alias" ? this.#followAlias(query, found) : this.#forward(query);
    const traits = { ...counted, plugin: "forward" } as const;
    if (Buffer.isBuffer(answer)) return this.#counted(answer, begin, length, traits);
    return answer.then((later) => this.#counted(later, begin, length, traits));
  }

  #forward(query: Query): Buffer | Promise<Buffer> {
    const { forwarder } = this.#options;
    if (!forwarder.canAsk(query.question.name)) return errorAnswer(query, "refused");
    return forwarder
      .ask(askedBy(query, query.question), this.#signal)
      .then((answer) => (answer === undefined ? errorAnswer(query, "servfail") : addressed(answer, query)));
  }

  /** An alias without its target's records is of no use to the resolver of libc. */
  async #followAlias(
    query: Query,
    { target, records }: Extract<ZoneAnswer, { kind: "alias" }>,
  ): Promise<Buffer> {
    const { forwarder } = this.#options;
    const of = (rcode: Rcode, others: readonly AnswerRecord[]): Buffer =>
      reply(query, rcode, FLAGS.authoritative, { answers: [...records, ...others] });
    const question = questionFor(target, query.question.typeNumber);
    if (question === undefined || !forwarder.canAsk(target)) return of("noerror", []);
    const answer = await forwarder.ask(askedBy(query, question), this.#signal);
    if (answer === undefined) return of("servfail", []);
    const rcode = answer.readUInt16BE(2) & FLAGS.rcode;
    const known = (Object.keys(RCODES) as Rcode[]).find((one) => RCODES[one] === rcode);
    return of(known ?? "servfail", recordsFrom(answer));
  }

  #counted(answer: Buffer, begin: number, requestBytes: number, traits: Omit<Traits, "rcode">): Buffer {
    this.#count(this.#seriesOf(answer, traits), begin, requestBytes, answer);
    return answer;
  }

  #seriesOf(answer: Buffer, traits: Omit<Traits, "rcode">): Series {
    return this.#options.metrics.seriesOf({ ...traits, rcode: answer.readUInt16BE(2) & FLAGS.rcode });
  }

  #count(series: Series, begin: number, requestBytes: number, answer: Buffer): void {
    series.add(this.#options.clock.monotonicMs() - begin, requestBytes, answer.length);
  }
}

function isIn(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function askedBy({ hasEdns, dnssecOk, flags }: Query, question: Question): Asked {
  return { question, hasEdns, dnssecOk, checkingDisabled: (flags & FLAGS.checkingDisabled) !== 0 };
}

/** Somebody else's answer, with the id and the spelling of this asker, cut to what the asker takes. */
function addressed(answer: Buffer, query: Query): Buffer {
  const { id, question, bytesMax } = query;
  if (answer.length > bytesMax) return cut(answer, query);
  const copy = Buffer.from(answer);
  copy.writeUInt16BE(id);
  question.bytes.copy(copy, HEADER_BYTES);
  return copy;
}

function cut(answer: Buffer, query: Query): Buffer {
  const short = reply(query, "noerror", 0, {});
  const rcode = answer.readUInt16BE(2) & FLAGS.rcode;
  short.writeUInt16BE(short.readUInt16BE(2) | FLAGS.truncated | rcode, 2);
  return short;
}

/** What an alias can lead to: more aliases and addresses. */
function recordsFrom(message: Buffer): readonly AnswerRecord[] {
  let answers: readonly Answer[];
  try {
    answers = decode(message).answers ?? [];
  } catch {
    return []; // it was checked to be an answer to the question, not to be whole
  }
  return answers.flatMap((answer) => {
    if (answer.type !== "A" && answer.type !== "AAAA" && answer.type !== "CNAME") return [];
    const record = { type: answer.type, data: answer.data };
    return { name: answer.name.toLowerCase(), ttl: answer.ttl ?? 0, record };
  });
}
