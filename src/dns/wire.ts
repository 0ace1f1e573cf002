/** Reads DNS messages (RFC 1035 §4) just as far as a server and a forwarder must: nothing in them is trusted. @module */

export const HEADER_BYTES = 12;
export const FLAGS = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
  rcode: 0x000f,
} as const;
/** EDNS: the asker wants signatures (RFC 3225). */
export const DNSSEC_OK = 0x8000;
export const CLASS_IN = 1;
export const TYPE_NUMBERS = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;
export type TypeName = keyof typeof TYPE_NUMBERS;
const TYPE_NAMES = new Map<number, TypeName>(
  Object.entries(TYPE_NUMBERS).map(([name, number]) => [number, name as TypeName]),
);

export interface Question {
  /** Lower case, without the final dot; bytes that would read as something else are escaped as `\DDD`. */
  readonly name: string;
  /** `TYPE65` for those without a name here. */
  readonly type: string;
  readonly typeNumber: number;
  readonly class: number;
  /** The section as it was sent. */
  readonly bytes: Buffer;
}

export interface WireRecord {
  readonly section: "answer" | "authority" | "additional";
  readonly type: number;
  /** Of OPT: the asker's datagram size. */
  readonly class: number;
  readonly ttl: number;
  readonly ttlOffset: number;
  readonly dataOffset: number;
  readonly dataLength: number;
}

/** The only question of a message; undefined if there is none, several or a broken one. */
export function questionOf(message: Buffer): Question | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let offset = HEADER_BYTES;
  for (;;) {
    const length = message[offset];
    // the first name of a message has nothing before it that it could point to
    if (length === undefined || length > 63 || offset - HEADER_BYTES > 254) return undefined;
    offset += 1;
    if (length === 0) break;
    labels.push(labelText(message.toString("latin1", offset, offset + length)));
    offset += length;
  }
  if (offset + 4 > message.length) return undefined;
  const typeNumber = message.readUInt16BE(offset);
  return {
    name: labels.join("."),
    type: TYPE_NAMES.get(typeNumber) ?? `TYPE${typeNumber}`,
    typeNumber,
    class: message.readUInt16BE(offset + 2),
    bytes: Buffer.from(message.subarray(HEADER_BYTES, offset + 4)),
  };
}

/** The question a server of ours asks. `name` has no escapes and labels of at most 63 bytes; undefined if it has others. */
export function questionFor(name: string, typeNumber: number): Question | undefined {
  const labels = name === "" ? [] : name.split(".");
  const parts = labels.flatMap((label) => [Buffer.from([label.length & 0xff]), Buffer.from(label, "latin1")]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(1, 4);
  const numbers = Buffer.alloc(5);
  numbers.writeUInt16BE(typeNumber, 1);
  numbers.writeUInt16BE(CLASS_IN, 3);
  return questionOf(Buffer.concat([header, ...parts, numbers]));
}

/** All records behind the one question; undefined if the message is cut or broken. */
export function recordsOfMessage(message: Buffer, question: Question): readonly WireRecord[] | undefined {
  const records: WireRecord[] = [];
  let offset = HEADER_BYTES + question.bytes.length;
  for (const [index, section] of (["answer", "authority", "additional"] as const).entries()) {
    const count = message.readUInt16BE(6 + 2 * index);
    for (let i = 0; i < count; i++) {
      const start = skipName(message, offset);
      if (start === undefined || start + 10 > message.length) return undefined;
      const dataLength = message.readUInt16BE(start + 8);
      const dataOffset = start + 10;
      offset = dataOffset + dataLength;
      if (offset > message.length) return undefined;
      records.push({
        section,
        type: message.readUInt16BE(start),
        class: message.readUInt16BE(start + 2),
        ttl: message.readUInt32BE(start + 4),
        ttlOffset: start + 4,
        dataOffset,
        dataLength,
      });
    }
  }
  return records;
}

/** Behind the name; a pointer ends it. */
function skipName(message: Buffer, start: number): number | undefined {
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined) return undefined;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    if (length > 63) return undefined;
    offset += 1 + length;
  }
}

/** What DNS compares in (RFC 4343): ASCII letters alone have a case. */
function labelText(latin1: string): string {
  return latin1
    .replaceAll(/[^!-[\]-~]|\./g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, "0")}`)
    .toLowerCase();
}
