/** From the bytes of a query to the bytes of its answer. @module */
import { ROTATIONS } from "./answer-cache.ts";
import { writeMessage, type AnswerRecord, type Reply } from "./message-writer.ts";
import type { RecordData } from "./records.ts";
import {
  CLASS_IN,
  DNSSEC_OK,
  FLAGS,
  HEADER_BYTES,
  questionOf,
  recordsOfMessage,
  TYPE_NUMBERS,
  type Question,
} from "./wire.ts";
import type { Zone } from "./zone.ts";

/** CoreDNS' default for cluster names; the same for negative answers. */
const TTL_SECONDS = 30;
export const RCODES = {
  noerror: 0,
  formerr: 1,
  servfail: 2,
  nxdomain: 3,
  notimp: 4,
  refused: 5,
  badvers: 16,
} as const;
export type Rcode = keyof typeof RCODES;
/** Without EDNS a UDP answer holds 512 bytes; with it at most this (the value of the DNS flag day 2020). */
const UDP_BYTES_DEFAULT = 512;
export const UDP_BYTES_MAX = 1232;
const TCP_BYTES_MAX = 65_535;
/** Questions are short; what is longer is not looked into. */
const QUERY_BYTES_MAX = 4_096;
/** A CNAME may lead to another one of ours. */
const CNAME_CHAIN_MAX = 8;
/** No record is shorter: pointers to two names that were written before, and ten bytes. */
const RECORD_BYTES_MIN = 14;
/** A pointer to the name, ten bytes, three numbers, and the target with the lengths of its labels. */
const SRV_BYTES_MIN = 20;
/** Types whose answer would be the whole zone. */
const TRANSFERS: ReadonlySet<number> = new Set([TYPE_NUMBERS.AXFR, TYPE_NUMBERS.IXFR]);

export interface Query {
  readonly id: number;
  /** As they came. */
  readonly flags: number;
  readonly question: Question;
  readonly hasEdns: boolean;
  readonly dnssecOk: boolean;
  /** Bytes the asker takes in one answer. */
  readonly bytesMax: number;
}

/** What the zone says to a query. */
export type ZoneAnswer =
  /** `isTurned`: other rotations give others. */
  | { readonly kind: "reply"; readonly bytes: Buffer; readonly isTurned: boolean }
  | { readonly kind: "foreign" }
  /** An alias of a name outside: whoever asked wants that one's records behind these. */
  | { readonly kind: "alias"; readonly target: string; readonly records: readonly AnswerRecord[] };

/** A buffer: what to say instead. undefined: not a query, or so broken that no answer can be addressed. */
export function parseQuery(message: Buffer, overTcp: boolean): Query | Buffer | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  const id = message.readUInt16BE(0);
  if ((flags & FLAGS.response) !== 0) return undefined;
  if ((flags & FLAGS.opcode) !== 0) return headerOnly(id, flags, "notimp");
  const question = message.length > QUERY_BYTES_MAX ? undefined : questionOf(message);
  const records = question && recordsOfMessage(message, question);
  if (question === undefined || records === undefined) return headerOnly(id, flags, "formerr");
  const [opt, ...others] = records.filter(({ type }) => type === TYPE_NUMBERS.OPT);
  if (others.length > 0) return headerOnly(id, flags, "formerr");
  const udpBytes = Math.min(Math.max(opt?.class ?? 0, UDP_BYTES_DEFAULT), UDP_BYTES_MAX);
  const query: Query = {
    id,
    flags,
    question,
    hasEdns: opt !== undefined,
    dnssecOk: opt !== undefined && (opt.ttl & DNSSEC_OK) !== 0,
    bytesMax: overTcp ? TCP_BYTES_MAX : udpBytes,
  };
  if (opt !== undefined && ((opt.ttl >>> 16) & 0xff) !== 0) return errorAnswer(query, "badvers");
  if (question.class !== CLASS_IN || TRANSFERS.has(question.typeNumber)) return errorAnswer(query, "refused");
  return query;
}

/** `rotation` turns lists of addresses, so that clients spread. */
export function answerFromZone(
  query: Query,
  zone: Zone,
  domain: string,
  serial: number,
  rotation: number,
): ZoneAnswer {
  const { name, type } = query.question;
  const bytes = (rcode: Rcode, parts: Partial<Reply>): ZoneAnswer => ({
    kind: "reply",
    isTurned: (parts.answers?.length ?? 0) > 1,
    bytes: reply(query, rcode, FLAGS.authoritative, parts),
  });
  const apex = apexRecords(name, type, zone, domain, serial);
  if (apex !== undefined) return bytes("noerror", apex);
  const result = zone.lookup(name, type);
  if (result.kind === "foreign") return { kind: "foreign" };
  if (result.kind !== "records") {
    const rcode = result.kind === "nodata" ? "noerror" : "nxdomain";
    return bytes(rcode, { authorities: [soaOf(domain, serial)] });
  }
  const records = turn(result.records, rotation, query.bytesMax);
  const answers = records.map((record) => toAnswer(name, record));
  for (const record of records) {
    if (record.type !== "CNAME" || type === "CNAME" || type === "ANY") continue;
    const chain = followCname(record.data, type, zone);
    answers.push(...chain.answers);
    if (chain.outside !== undefined) return { kind: "alias", target: chain.outside, records: answers };
    if (chain.answers.length === 0)
      return bytes(chain.rcode, { answers, authorities: [soaOf(domain, serial)] });
  }
  const additionals = addressesOfTargets(records, query.bytesMax, zone);
  return bytes("noerror", { answers, additionals });
}

export function errorAnswer(query: Query, rcode: Rcode): Buffer {
  return reply(query, rcode, 0, {});
}

/** An answer of the server's own, cut to what the asker takes. */
export function reply(query: Query, rcode: Rcode, flags: number, parts: Partial<Reply>): Buffer {
  const kept = query.flags & (FLAGS.recursionDesired | FLAGS.checkingDisabled);
  const message: Reply = {
    id: query.id,
    flags: flags | FLAGS.recursionAvailable | kept,
    rcode: RCODES[rcode],
    question: query.question,
    ...parts,
    ...(query.hasEdns && { edns: { udpBytes: UDP_BYTES_MAX, flags: query.dnssecOk ? DNSSEC_OK : 0 } }),
  };
  return writeMessage(message, query.bytesMax);
}

function headerOnly(id: number, flags: number, rcode: Rcode): Buffer {
  const kept = flags & (FLAGS.opcode | FLAGS.recursionDesired);
  return writeMessage({ id, flags: kept, rcode: RCODES[rcode], question: undefined }, UDP_BYTES_DEFAULT);
}

/** SOA and NS of the domain, and the address of its name server: that of the Service `kube-dns`. */
function apexRecords(
  name: string,
  type: string,
  zone: Zone,
  domain: string,
  serial: number,
): Partial<Reply> | undefined {
  const server = `ns.dns.${domain}`;
  const addresses = (): readonly AnswerRecord[] =>
    addressesOf(`kube-dns.kube-system.svc.${domain}`, server, zone);
  const soa = soaOf(domain, serial);
  if (name === domain && type === "SOA") return { answers: [soa] };
  if (name === domain && type === "NS") {
    const ns: AnswerRecord = { name: domain, ttl: TTL_SECONDS, record: { type: "NS", data: server } };
    return { answers: [ns], additionals: addresses() };
  }
  if (name !== server) return undefined;
  const answers = addresses().filter(({ record }) => record.type === type || type === "ANY");
  return answers.length > 0 ? { answers } : { authorities: [soa] };
}

interface Chain {
  readonly answers: readonly AnswerRecord[];
  readonly rcode: "noerror" | "nxdomain";
  /** Where it leaves the cluster's names. */
  readonly outside: string | undefined;
}

function followCname(target: string, type: string, zone: Zone): Chain {
  const answers: AnswerRecord[] = [];
  let name = target.toLowerCase();
  for (let hop = 0; hop < CNAME_CHAIN_MAX; hop++) {
    const result = zone.lookup(name, type);
    if (result.kind === "foreign") return { answers, rcode: "noerror", outside: name };
    if (result.kind !== "records")
      return { answers, rcode: result.kind === "nxdomain" ? "nxdomain" : "noerror", outside: undefined };
    const owner = name;
    answers.push(...result.records.map((record) => toAnswer(owner, record)));
    const next = result.records.find((record) => record.type === "CNAME");
    if (next?.type !== "CNAME") break;
    name = next.data.toLowerCase();
  }
  return { answers, rcode: "noerror", outside: undefined };
}

/** Those of `target`, as `owner`'s. */
function addressesOf(target: string, owner: string, zone: Zone): readonly AnswerRecord[] {
  return ["A", "AAAA"].flatMap((type) => {
    const result = zone.lookup(target, type);
    return result.kind === "records" ? result.records.map((record) => toAnswer(owner, record)) : [];
  });
}

function toAnswer(name: string, record: RecordData): AnswerRecord {
  return { name, ttl: TTL_SECONDS, record };
}

/** Of those that the list has, as many as fit beside the records themselves; whoever asked may ask for the others. */
function addressesOfTargets(
  records: readonly RecordData[],
  bytesMax: number,
  zone: Zone,
): readonly AnswerRecord[] {
  let left = bytesMax;
  for (const record of records) if (record.type === "SRV") left -= SRV_BYTES_MIN + record.data.target.length;
  const found: AnswerRecord[] = [];
  for (const record of records) {
    if (left <= found.length * RECORD_BYTES_MIN) break;
    if (record.type !== "SRV") continue;
    found.push(...addressesOf(record.data.target, record.data.target, zone));
  }
  return found;
}

/**
 * From a place that `rotation` says, so that clients spread: over all of a long list too, of which an answer holds a part. No more
 * than one that is sure not to fit, by which the asker learns that there are others.
 */
function turn<T>(list: readonly T[], rotation: number, bytesMax: number): readonly T[] {
  const step = Math.max(1, Math.floor(list.length / ROTATIONS));
  const start = list.length === 0 ? 0 : (rotation * step) % list.length;
  const countMax = Math.ceil(bytesMax / RECORD_BYTES_MIN);
  return [...list.slice(start, start + countMax), ...list.slice(0, start)].slice(0, countMax);
}

function soaOf(domain: string, serial: number): AnswerRecord {
  const times = { refresh: 7200, retry: 1800, expire: 86_400, minimum: TTL_SECONDS };
  const data = { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial, ...times };
  return { name: domain, ttl: TTL_SECONDS, record: { type: "SOA", data } };
}
