/**
 * A program for system tests, one in each network namespace: it answers on its ports with its name and the address that it sees, and
 * asks others when it is told to. Reads lines of JSON, first who it is, then questions, and writes answers. It ends with its input.
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { systemClock } from "#apimachinery";

export interface Identity {
  readonly name: string;
  readonly ports: readonly number[];
}

export interface Question {
  readonly id: number;
  readonly to: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** The source address, if it matters. */
  readonly as?: string;
  /** UDP: questions of one flow come from one socket. */
  readonly flow?: string;
  readonly timeoutMs: number;
}

export interface Answer {
  /** 0: it serves now. */
  readonly id: number;
  /** `near:8080 10.244.0.6`, or the code of an error. */
  readonly text: string;
}

/** Datagrams may be lost, and kernels tell of refusals but once a second. */
const AGAIN_MS = 100;

const flows = new Map<string, Socket>();
let isServing = false;
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Identity | Question;
  if (isServing) void answer(message as Question);
  else await serve(message as Identity);
  isServing = true;
}

async function serve({ name, ports }: Identity): Promise<void> {
  for (const port of ports) {
    const text = (address = ""): string => `${name}:${port} ${address.replace("::ffff:", "")}`;
    const server = createServer((socket) => socket.on("error", () => {}).end(text(socket.remoteAddress)));
    await once(server.listen(port, "::").unref(), "listening");
    const udp = createSocket("udp6").unref();
    udp.on("message", (_, from) => udp.send(text(from.address), from.port, from.address));
    udp.bind(port, "::");
    await once(udp, "listening");
  }
  tell({ id: 0, text: "serves" });
}

async function answer(question: Question): Promise<void> {
  const text = await (question.protocol === "tcp" ? askTcp(question) : askUdp(question));
  tell({ id: question.id, text });
}

function tell(answered: Answer): void {
  process.stdout.write(`${JSON.stringify(answered)}\n`);
}

async function askTcp({ to, port, as, timeoutMs }: Question): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host: to, port, ...(as !== undefined && { localAddress: as }) });
  socket.on("data", (data) => resolve(String(data)));
  socket.on("error", (err: NodeJS.ErrnoException) => resolve(err.code ?? err.message));
  return within(timeoutMs, promise).finally(() => socket.destroy());
}

async function askUdp(question: Question): Promise<string> {
  const { flow, timeoutMs } = question;
  const socket = (flow === undefined ? undefined : flows.get(flow)) ?? (await openUdp(question));
  if (flow !== undefined) flows.set(flow, socket);
  const { promise, resolve } = Promise.withResolvers<string>();
  const answered = (data: Buffer): void => resolve(String(data));
  const failed = (err: NodeJS.ErrnoException): void => resolve(err.code ?? err.message);
  socket.on("message", answered).on("error", failed);
  const stop = new AbortController();
  const asking = askAgain(socket, stop.signal);
  const text = await within(timeoutMs, promise);
  stop.abort();
  await asking;
  socket.off("message", answered).off("error", failed);
  if (flow === undefined) socket.close();
  return text;
}

async function askAgain(socket: Socket, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    socket.send("?");
    await systemClock.sleep(AGAIN_MS, signal).catch(() => {});
  }
}

/** Connected: it is told when the other side refuses. */
async function openUdp({ to, port, as }: Question): Promise<Socket> {
  const socket = createSocket(to.includes(":") ? "udp6" : "udp4");
  if (as !== undefined) {
    socket.bind(0, as);
    await once(socket, "listening");
  }
  socket.connect(port, to);
  await once(socket, "connect");
  return socket.on("error", () => {}).unref();
}

async function within(timeoutMs: number, answered: Promise<string>): Promise<string> {
  const stop = new AbortController();
  const silence = systemClock.sleep(timeoutMs, stop.signal).then(
    () => "ETIMEDOUT",
    () => "",
  );
  return Promise.race([answered, silence]).finally(() => stop.abort());
}
