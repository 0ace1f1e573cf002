/** One question to one resolver, over UDP or TCP; only an answer to that very question is taken. @module */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import type { Clock } from "#apimachinery";
import { writeMessage } from "../message-writer.ts";
import { DNSSEC_OK, FLAGS, HEADER_BYTES, questionOf, type Question } from "../wire.ts";

export interface Server {
  readonly host: string;
  readonly port: number;
}

/** What is asked of others: nothing else of the asker's message is passed on. */
export interface Asked {
  readonly question: Question;
  readonly hasEdns: boolean;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export type Exchange = (
  asked: Asked,
  server: Server,
  protocol: "udp" | "tcp",
  clock: Clock,
  signal: AbortSignal,
) => Promise<Buffer | undefined>;

/** As CoreDNS waits. */
export const TIMEOUT_MS = 2_000;
const UDP_BYTES = 1232;
const HEADER_LENGTH_BYTES = 2;
const ID_MAX = 0x10000;

/**
 * The answer; undefined when none comes in time. Id and port are random, the socket takes packets of the server alone, and
 * what does not repeat id and question is ignored, since the true answer may still come.
 */
export const systemExchange: Exchange = (asked, server, protocol, clock, signal) => {
  const message = messageOf(asked, randomInt(ID_MAX));
  return protocol === "tcp"
    ? exchangeTcp(message, asked, server, clock, signal)
    : exchangeUdp(message, asked, server, clock, signal);
};

/** A message with the length in front that TCP needs (RFC 1035 §4.2.2). */
export function withLength(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_LENGTH_BYTES + message.length);
  framed.writeUInt16BE(message.length);
  message.copy(framed, HEADER_LENGTH_BYTES);
  return framed;
}

function messageOf({ question, hasEdns, dnssecOk, checkingDisabled }: Asked, id: number): Buffer {
  const flags = FLAGS.recursionDesired | (checkingDisabled ? FLAGS.checkingDisabled : 0);
  const edns = { udpBytes: UDP_BYTES, flags: dnssecOk ? DNSSEC_OK : 0 };
  const message = writeMessage({ id, flags, rcode: 0, question, ...(hasEdns && { edns }) }, UDP_BYTES);
  message.writeUInt16BE(flags, 2); // a question, no answer
  return message;
}

/** Exported for tests: whether `answer` may be believed to be one to `message`. */
export function isAnswerTo(message: Buffer, answer: Buffer, question: Question): boolean {
  if (answer.length < HEADER_BYTES || answer.readUInt16BE(0) !== message.readUInt16BE(0)) return false;
  const flags = answer.readUInt16BE(2);
  if ((flags & FLAGS.response) === 0 || (flags & FLAGS.opcode) !== 0) return false;
  const repeated = questionOf(answer);
  return (
    repeated !== undefined &&
    repeated.name === question.name &&
    repeated.typeNumber === question.typeNumber &&
    repeated.class === question.class
  );
}

/** A socket a question: its random port is what protects against forged answers. */
function exchangeUdp(
  message: Buffer,
  { question }: Asked,
  { host, port }: Server,
  clock: Clock,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const finish = (answer: Buffer | undefined): void => {
      timer.cancel();
      signal.removeEventListener("abort", give);
      socket.removeAllListeners().on("error", () => {}); // a late ICMP answer has no one left to tell
      socket.close();
      resolve(answer);
    };
    const give = (): void => finish(undefined);
    const timer = clock.after(TIMEOUT_MS, give);
    signal.addEventListener("abort", give, { once: true });
    socket.once("error", give);
    socket.on("message", (answer) => {
      if (isAnswerTo(message, answer, question)) finish(answer);
    });
    socket.once("connect", () => socket.send(message));
    socket.connect(port, host);
  });
}

function exchangeTcp(
  message: Buffer,
  { question }: Asked,
  { host, port }: Server,
  clock: Clock,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, signal });
    const parts: Buffer[] = [];
    let received = 0;
    const finish = (answer: Buffer | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(answer);
    };
    const timer = clock.after(TIMEOUT_MS, () => finish(undefined));
    socket.on("error", () => finish(undefined));
    socket.once("close", () => finish(undefined));
    socket.once("connect", () => socket.write(withLength(message)));
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      received += part.length;
      const length = received < HEADER_LENGTH_BYTES ? undefined : Buffer.concat(parts).readUInt16BE(0);
      if (length === undefined || received < HEADER_LENGTH_BYTES + length) return;
      const answer = Buffer.concat(parts).subarray(HEADER_LENGTH_BYTES, HEADER_LENGTH_BYTES + length);
      finish(isAnswerTo(message, answer, question) ? answer : undefined);
    });
  });
}
