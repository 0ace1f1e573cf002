/**
 * Runs in a pod: DNS questions to the first name server of /etc/resolv.conf, and look-ups of names as programs do them
 * (`lookup`: /etc/hosts, search list), each until the records are the wanted ones. Prints them as JSON; exits 1 if they did not come.
 * @module
 */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { decode, encode, streamDecode, streamEncode, type Packet, type RecordType } from "dns-packet";

export interface Query {
  readonly name: string;
  readonly type: RecordType | "lookup";
  readonly over?: "udp" | "tcp";
  /** As text, in any order: addresses, names, `priority weight port target` of SRV with the first two left out. */
  readonly want: readonly string[];
}

const TRY_MS = 1_000;
const DEADLINE_MS = 45_000;

const deadline = performance.now() + DEADLINE_MS;
const found: unknown[] = [];
for (const query of JSON.parse(process.argv[2] ?? "[]") as readonly Query[]) {
  const wanted = JSON.stringify(query.want.toSorted());
  let records = await read(query);
  while (JSON.stringify(records) !== wanted && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    records = await read(query);
  }
  found.push({ name: query.name, type: query.type, over: query.over, records });
  if (JSON.stringify(records) !== wanted) process.exitCode = 1;
}
process.stdout.write(JSON.stringify(found));

async function read(what: Query): Promise<readonly string[]> {
  try {
    const answers = what.type === "lookup" ? await addressesOf(what.name) : await ask(what);
    return answers.toSorted();
  } catch (err) {
    return [(err as NodeJS.ErrnoException).code ?? String(err)];
  }
}

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true, family: 4 })).map(({ address }) => address);
}

async function ask({ name, type, over }: Query): Promise<readonly string[]> {
  const server = /^nameserver (\S+)/m.exec(readFileSync("/etc/resolv.conf", "utf8"))?.[1] ?? "";
  const question: Packet = {
    type: "query",
    id: process.pid & 0xff_ff,
    flags: 0x01_00, // recursion is desired
    questions: [{ type: type as RecordType, name }],
  };
  const { answers = [] } = over === "tcp" ? await askTcp(server, question) : await askUdp(server, question);
  return answers.filter((record) => record.type === type).map((record) => textOf(record));
}

function textOf(record: NonNullable<Packet["answers"]>[number]): string {
  if (record.type === "SRV") return `${record.data.port} ${record.data.target}`;
  return "data" in record && typeof record.data === "string" ? record.data : "";
}

async function askUdp(server: string, question: Packet): Promise<Packet> {
  const socket = createSocket("udp4");
  try {
    socket.send(encode(question), 53, server);
    const [message] = (await once(socket, "message", { signal: AbortSignal.timeout(TRY_MS) })) as [Buffer];
    return decode(message);
  } finally {
    socket.close();
  }
}

/** A short answer comes in one piece. */
async function askTcp(server: string, question: Packet): Promise<Packet> {
  const socket = connect({ host: server, port: 53 });
  try {
    socket.write(streamEncode(question));
    const [message] = (await once(socket, "data", { signal: AbortSignal.timeout(TRY_MS) })) as [Buffer];
    return streamDecode(message);
  } finally {
    socket.destroy();
  }
}
