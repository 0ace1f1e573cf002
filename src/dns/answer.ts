/** From the bytes of a query to the bytes of its answer. @module */
import { decode, encode, type Answer, type DecodedPacket, type Packet } from "dns-packet";
import type { RecordData } from "./records.ts";
import type { Zone } from "./zone.ts";

/** CoreDNS' default for cluster names; the same for negative answers. */
const TTL_SECONDS = 30;
const RESPONSE_FLAGS = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const OPCODE_MASK = 0x7800;
const RCODES = { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5 } as const;
export type Rcode = keyof typeof RCODES;
/** Without EDNS a UDP answer holds 512 bytes; with it at most this (the value of the DNS flag day 2020). */
const UDP_BYTES_DEFAULT = 512;
const UDP_BYTES_MAX = 1232;
/** A CNAME may lead to another one of ours. */
const CNAME_CHAIN_MAX = 8;

export interface Query {
  readonly packet: DecodedPacket;
  readonly name: string;
  readonly type: string;
  /** Bytes the asker takes in one datagram. */
  readonly udpBytesMax: number;
  readonly hasEdns: boolean;
}

/** undefined: not a query, or so broken that no answer can be addressed. */
export function parseQuery(message: Buffer): Query | Buffer | undefined {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return undefined;
  let packet: DecodedPacket;
  try {
    packet = decode(message);
  } catch {
    return headerOnly(message, "formerr");
  }
  if ((message.readUInt16BE(2) & OPCODE_MASK) !== 0) return headerOnly(message, "notimp");
  const [question, ...others] = packet.questions ?? [];
  if (question === undefined || others.length > 0) return headerOnly(message, "formerr");
  const opt = packet.additionals?.find((record) => record.type === "OPT");
  const asked = opt?.type === "OPT" ? opt.udpPayloadSize : UDP_BYTES_DEFAULT;
  return {
    packet,
    name: question.name.toLowerCase().replace(/\.$/, ""),
    type: question.type,
    udpBytesMax: Math.min(Math.max(asked, UDP_BYTES_DEFAULT), UDP_BYTES_MAX),
    hasEdns: opt !== undefined,
  };
}

/** The answer from the zone; undefined: the name is foreign. `rotation` turns lists of addresses, so that clients spread. */
export function answerFromZone(
  query: Query,
  zone: Zone,
  domain: string,
  serial: number,
  rotation: number,
): Buffer | undefined {
  const result = zone.lookup(query.name, query.type);
  if (result.kind === "foreign") return undefined;
  const owner = query.packet.questions![0]!.name;
  if (result.kind !== "records") {
    const soa: Answer = { type: "SOA", name: domain, ttl: TTL_SECONDS, data: soaData(domain, serial) };
    return build(query, result.kind === "nodata" ? "noerror" : "nxdomain", [], [soa], []);
  }
  const answers = turn(result.records, rotation).map((record) => toAnswer(owner, record));
  const additionals: Answer[] = [];
  for (const record of result.records) {
    if (record.type === "CNAME" && query.type !== "CNAME")
      answers.push(...followCname(record.data, query.type, zone));
    if (record.type === "SRV") additionals.push(...addressesOf(record.data.target, zone));
  }
  return build(query, "noerror", answers, [], additionals);
}

export function errorAnswer(query: Query, rcode: Rcode): Buffer {
  return build(query, rcode, [], [], []);
}

/** Cuts an answer that does not fit a datagram down to its question, so that the asker comes back by TCP. */
export function fitDatagram(query: Query, answer: Buffer): Buffer {
  if (answer.length <= query.udpBytesMax) return answer;
  const cut = build(query, "noerror", [], [], []);
  cut.writeUInt16BE(answer.readUInt16BE(2) | TRUNCATED, 2);
  return cut;
}

function build(
  query: Query,
  rcode: Rcode,
  answers: Answer[],
  authorities: Answer[],
  additionals: Answer[],
): Buffer {
  const { packet } = query;
  const opt: Answer[] = query.hasEdns
    ? [{ type: "OPT", name: ".", udpPayloadSize: UDP_BYTES_MAX, flags: 0, options: [] } as never]
    : [];
  const wanted = (packet.flags ?? 0) & RECURSION_DESIRED;
  const response: Packet = {
    type: "response",
    id: packet.id ?? 0,
    flags: AUTHORITATIVE | RECURSION_AVAILABLE | wanted | RCODES[rcode],
    questions: packet.questions ?? [],
    answers,
    authorities,
    additionals: [...additionals, ...opt],
  };
  return encode(response);
}

function headerOnly(message: Buffer, rcode: Rcode): Buffer {
  const header = Buffer.alloc(12);
  message.copy(header, 0, 0, 2);
  header.writeUInt16BE(
    RESPONSE_FLAGS | (message.readUInt16BE(2) & (OPCODE_MASK | RECURSION_DESIRED)) | RCODES[rcode],
    2,
  );
  return header;
}

function followCname(target: string, type: string, zone: Zone): readonly Answer[] {
  const answers: Answer[] = [];
  let name = target.toLowerCase();
  for (let hop = 0; hop < CNAME_CHAIN_MAX; hop++) {
    const result = zone.lookup(name, type);
    if (result.kind !== "records") break;
    answers.push(...result.records.map((record) => toAnswer(name, record)));
    const next = result.records.find((record) => record.type === "CNAME");
    if (next?.type !== "CNAME") break;
    name = next.data.toLowerCase();
  }
  return answers;
}

function addressesOf(target: string, zone: Zone): readonly Answer[] {
  return ["A", "AAAA"].flatMap((type) => {
    const result = zone.lookup(target, type);
    return result.kind === "records" ? result.records.map((record) => toAnswer(target, record)) : [];
  });
}

function toAnswer(name: string, record: RecordData): Answer {
  return { ...record, name, ttl: TTL_SECONDS, class: "IN" };
}

function turn<T>(list: readonly T[], by: number): readonly T[] {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

function soaData(domain: string, serial: number): Extract<Answer, { type: "SOA" }>["data"] {
  const times = { refresh: 7200, retry: 1800, expire: 86_400, minimum: TTL_SECONDS };
  return { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial, ...times };
}
