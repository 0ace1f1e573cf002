/** Remembers what other resolvers answered, no longer than the answers say (RFC 2308). @module */
import { RCODES } from "../answer.ts";
import { FLAGS, recordsOfMessage, TYPE_NUMBERS, type Question, type WireRecord } from "../wire.ts";

/** Of each kind; CoreDNS' numbers. Oldest first out. */
const ENTRIES_MAX = 9_984;
/** Longer answers are not remembered. */
const ANSWER_BYTES_MAX = 4_096;
/** Names change: nothing is believed longer, as in kubeadm's Corefile. */
const TTL_SECONDS_MAX = 30;
/** Failures are remembered so that a broken resolver is not asked by everybody. */
const FAILURE_SECONDS = 5;

export type CacheKind = "success" | "denial";

interface Entry {
  readonly answer: Buffer;
  readonly records: readonly WireRecord[];
  readonly storedAtMs: number;
  readonly ttlSeconds: number;
}

export class ForwardCache {
  readonly #now: () => number;
  readonly #entries: Readonly<Record<CacheKind, Map<string, Entry>>> = {
    success: new Map(),
    denial: new Map(),
  };
  evictions = 0;

  /** `now` is monotonic, in ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  size(kind: CacheKind): number {
    return this.#entries[kind].size;
  }

  /** A copy whose TTLs are what is left of them. */
  get(key: string): { readonly answer: Buffer; readonly kind: CacheKind } | undefined {
    for (const kind of ["success", "denial"] as const) {
      const entry = this.#entries[kind].get(key);
      if (entry === undefined) continue;
      const ageSeconds = Math.floor((this.#now() - entry.storedAtMs) / 1_000);
      if (ageSeconds < entry.ttlSeconds) return { answer: aged(entry, ageSeconds), kind };
      this.#entries[kind].delete(key);
    }
    return undefined;
  }

  /** Nothing, if the answer is cut, broken, an error or says that it must not be kept. */
  set(key: string, answer: Buffer, question: Question): void {
    const flags = answer.readUInt16BE(2);
    if ((flags & FLAGS.truncated) !== 0 || answer.length > ANSWER_BYTES_MAX) return;
    const records = recordsOfMessage(answer, question);
    if (records === undefined) return;
    const { kind, ttlSeconds } = lifetimeOf(answer, flags & FLAGS.rcode, records);
    if (ttlSeconds <= 0) return;
    const map = this.#entries[kind];
    map.delete(key);
    this.#entries[kind === "success" ? "denial" : "success"].delete(key);
    if (map.size >= ENTRIES_MAX) {
      map.delete(map.keys().next().value!);
      this.evictions++;
    }
    map.set(key, { answer: Buffer.from(answer), records, storedAtMs: this.#now(), ttlSeconds });
  }

  clear(): void {
    this.#entries.success.clear();
    this.#entries.denial.clear();
  }
}

function lifetimeOf(
  answer: Buffer,
  rcode: number,
  records: readonly WireRecord[],
): { readonly kind: CacheKind; readonly ttlSeconds: number } {
  const dated = records.filter(({ type }) => type !== TYPE_NUMBERS.OPT);
  const shortest = Math.min(TTL_SECONDS_MAX, ...dated.map(({ ttl }) => ttl));
  if (rcode === RCODES.servfail) return { kind: "denial", ttlSeconds: FAILURE_SECONDS };
  const hasAnswers = records.some(({ section }) => section === "answer");
  if (rcode === RCODES.noerror && hasAnswers) return { kind: "success", ttlSeconds: shortest };
  if (rcode !== RCODES.noerror && rcode !== RCODES.nxdomain) return { kind: "denial", ttlSeconds: 0 };
  const soa = records.find(({ type, section }) => type === TYPE_NUMBERS.SOA && section === "authority");
  if (soa === undefined || soa.dataLength < 22) return { kind: "denial", ttlSeconds: 0 };
  const minimum = answer.readUInt32BE(soa.dataOffset + soa.dataLength - 4);
  return { kind: "denial", ttlSeconds: Math.min(shortest, minimum) };
}

function aged({ answer, records, ttlSeconds }: Entry, ageSeconds: number): Buffer {
  const copy = Buffer.from(answer);
  for (const { type, ttl, ttlOffset } of records)
    if (type !== TYPE_NUMBERS.OPT)
      copy.writeUInt32BE(Math.max(0, Math.min(ttl, ttlSeconds) - ageSeconds), ttlOffset);
  return copy;
}
