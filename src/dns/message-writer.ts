/** Writes answers: names compressed, cut where the asker's limit is (RFC 1035 §4.1.4, RFC 2181 §9). @module */
import { ipv6Bytes } from "./ipv6-bytes.ts";
import type { RecordData } from "./records.ts";
import { CLASS_IN, FLAGS, HEADER_BYTES, TYPE_NUMBERS, type Question } from "./wire.ts";

/** A record as it is sent. */
export interface AnswerRecord {
  /** Without the final dot. */
  readonly name: string;
  readonly ttl: number;
  readonly record: RecordData | SoaRecord | NsRecord;
}

export interface SoaRecord {
  readonly type: "SOA";
  readonly data: {
    readonly mname: string;
    readonly rname: string;
    readonly serial: number;
    readonly refresh: number;
    readonly retry: number;
    readonly expire: number;
    readonly minimum: number;
  };
}

export interface NsRecord {
  readonly type: "NS";
  readonly data: string;
}

export interface Reply {
  readonly id: number;
  /** Without TC, which `writeMessage` decides, and without the rcode. */
  readonly flags: number;
  /** Beyond 15 needs EDNS. */
  readonly rcode: number;
  readonly question: Question | undefined;
  readonly answers?: readonly AnswerRecord[];
  readonly authorities?: readonly AnswerRecord[];
  readonly additionals?: readonly AnswerRecord[];
  readonly edns?: { readonly udpBytes: number; readonly flags: number };
}

const OPT_BYTES = 11;
const BYTES_MAX = 65_535;
/** A pointer has 14 bits. */
const POINTER_MAX = 0x3fff;
const DOT = 0x2e;
const ZERO = 0x30;
/** Grows for answers that are longer. */
const BYTES_FIRST = 2_048;

/** At most `limit` bytes: answers that do not fit are left out and TC is set; additional records are left out silently. */
export function writeMessage(reply: Reply, limit: number): Buffer {
  const writer = new Writer(Math.min(limit, BYTES_MAX) - (reply.edns === undefined ? 0 : OPT_BYTES));
  writer.question(reply.question);
  const answers = writer.records(reply.answers);
  const isShort = answers < (reply.answers?.length ?? 0);
  const authorities = isShort ? 0 : writer.records(reply.authorities);
  const isCut = isShort || authorities < (reply.authorities?.length ?? 0);
  const additionals = isCut ? 0 : writer.records(reply.additionals);
  if (reply.edns !== undefined) writer.opt(reply.edns, reply.rcode);
  const flags = reply.flags | (isCut ? FLAGS.truncated : 0) | (reply.rcode & FLAGS.rcode);
  const counts = [answers, authorities, additionals + (reply.edns === undefined ? 0 : 1)] as const;
  return writer.finish(reply.id, flags, reply.question === undefined ? 0 : 1, counts);
}

class Writer {
  #bytes = Buffer.allocUnsafe(BYTES_FIRST);
  #end = HEADER_BYTES;
  readonly #limit: number;
  /** Name -> where it was written. */
  readonly #names = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  question(question: Question | undefined): void {
    if (question === undefined) return;
    question.bytes.copy(this.#bytes, this.#end);
    this.#remember(question.name, this.#end);
    this.#end += question.bytes.length;
  }

  /** How many fit. */
  records(records: readonly AnswerRecord[] = []): number {
    for (const [index, { name, ttl, record }] of records.entries()) {
      const start = this.#end;
      this.#name(name, true);
      this.#reserve(10);
      this.#bytes.writeUInt16BE(TYPE_NUMBERS[record.type], this.#end);
      this.#bytes.writeUInt16BE(CLASS_IN, this.#end + 2);
      this.#bytes.writeUInt32BE(ttl, this.#end + 4);
      const lengthAt = this.#end + 8;
      this.#end += 10;
      this.#data(record);
      this.#bytes.writeUInt16BE(this.#end - lengthAt - 2, lengthAt);
      if (this.#end <= this.#limit) continue;
      this.#end = start; // what was remembered of its names is not used any more: this was the last record
      return index;
    }
    return records.length;
  }

  opt({ udpBytes, flags }: NonNullable<Reply["edns"]>, rcode: number): void {
    this.#reserve(OPT_BYTES);
    this.#bytes.writeUInt8(0, this.#end);
    this.#bytes.writeUInt16BE(TYPE_NUMBERS.OPT, this.#end + 1);
    this.#bytes.writeUInt16BE(udpBytes, this.#end + 3);
    this.#bytes.writeUInt32BE(((rcode >> 4) << 24) | flags, this.#end + 5);
    this.#bytes.writeUInt16BE(0, this.#end + 9);
    this.#end += OPT_BYTES;
  }

  finish(id: number, flags: number, questions: number, counts: readonly [number, number, number]): Buffer {
    const header = [id, flags | FLAGS.response, questions, ...counts];
    for (const [index, value] of header.entries()) this.#bytes.writeUInt16BE(value, 2 * index);
    return this.#bytes.subarray(0, this.#end);
  }

  #data(record: AnswerRecord["record"]): void {
    switch (record.type) {
      case "A":
        return this.#ipv4(record.data);
      case "AAAA":
        return this.#raw(ipv6Bytes(record.data));
      case "CNAME":
      case "PTR":
      case "NS":
        return this.#name(record.data, true);
      case "TXT": {
        const text = Buffer.from(record.data).subarray(0, 255);
        return this.#raw(Buffer.concat([Buffer.from([text.length]), text]));
      }
      case "SRV": {
        const { priority, weight, port, target } = record.data;
        this.#numbers16(priority, weight, port);
        return this.#name(target, false); // RFC 2782: not compressed
      }
      case "SOA": {
        const { mname, rname, serial, refresh, retry, expire, minimum } = record.data;
        this.#name(mname, true);
        this.#name(rname, true);
        const numbers = Buffer.alloc(20);
        for (const [index, value] of [serial, refresh, retry, expire, minimum].entries())
          numbers.writeUInt32BE(value >>> 0, 4 * index);
        return this.#raw(numbers);
      }
    }
  }

  /** By hand: an answer over TCP may have four thousand of them. */
  #ipv4(text: string): void {
    this.#reserve(4);
    let byte = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === DOT) {
        this.#bytes[this.#end++] = byte;
        byte = 0;
      } else byte = 10 * byte + code - ZERO;
    }
    this.#bytes[this.#end++] = byte;
  }

  #numbers16(...values: readonly number[]): void {
    this.#reserve(2 * values.length);
    for (const value of values) this.#end = this.#bytes.writeUInt16BE(value, this.#end);
  }

  #raw(data: Buffer): void {
    this.#reserve(data.length);
    data.copy(this.#bytes, this.#end);
    this.#end += data.length;
  }

  #name(name: string, isCompressed: boolean): void {
    this.#reserve(name.length + 2);
    const start = this.#end;
    let rest = name;
    while (rest !== "") {
      const known = isCompressed ? this.#names.get(rest) : undefined;
      if (known !== undefined) {
        this.#end = this.#bytes.writeUInt16BE(0xc000 | known, this.#end);
        return this.#remember(name.slice(0, name.length - rest.length), start, rest);
      }
      const dot = rest.indexOf(".");
      const label = dot < 0 ? rest : rest.slice(0, dot);
      rest = dot < 0 ? "" : rest.slice(dot + 1);
      this.#bytes[this.#end] = Math.min(label.length, 63);
      this.#bytes.write(label, this.#end + 1, 63, "latin1");
      this.#end += 1 + Math.min(label.length, 63);
    }
    this.#bytes[this.#end++] = 0;
    this.#remember(name, start);
  }

  /** Every suffix of the name that was written from `start`; `tail` is what it only points to. */
  #remember(name: string, start: number, tail = ""): void {
    if (name.includes("\\")) return;
    let offset = start;
    for (let rest = name + tail; rest.length > tail.length;) {
      if (offset > POINTER_MAX) return;
      const key = rest;
      if (!this.#names.has(key)) this.#names.set(key, offset);
      const dot = rest.indexOf(".");
      if (dot < 0) return;
      offset += dot + 1;
      rest = rest.slice(dot + 1);
    }
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#bytes.length + bytes);
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}
