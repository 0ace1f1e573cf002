/**
 * Cluster DNS: questions a second that one core answers, and how long one waits.
 *
 * The sketch: a datagram through Node is 6 to 10 µs in and as much out, most of it in the kernel; an answer that was given
 * before is one map lookup by 60 bytes and one copy, 1 µs; a new one is parsed, looked up and written, 5 µs more. The limit is
 * a program that sends datagrams back, asked in the same way in the same run.
 *
 * A headless service of 5,000 endpoints changes by the slice, 100 or 1,000 endpoints of which each is a few objects: 1 µs each, so
 * that no turn of the event loop comes near the 10 ms that are its limit, nor does an answer that holds 4,000 addresses.
 *
 * Rates are of the server's processor time, so that what else the machine does counts less; the rate by the wall clock,
 * where the asking program needs the other core, is beside it.
 *
 *     node bench/dns.bench.ts
 * @module
 */
import { fork, type ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encode } from "dns-packet";
import { median, quantile, report, round } from "#bench";
import { turnsOf } from "./dns/headless.ts";
import type { Usage } from "./dns/server.ts";

const HOST = "127.0.0.1";
const RUNS = 5;
const RUN_MS = 1_000;
/** Questions under way: enough that the server never waits. */
const WINDOW = 64;
const SERVICES = 10_000;
const HEADLESS_RUNS = 9;
/** One question after the other, to see how long one takes. */
const SINGLE_QUESTIONS = 2_000;
const LOSS_TIMEOUT_MS = 200;

interface Measured {
  /** Per second of the server's processor time. */
  readonly perCpuSecond: number[];
  readonly perSecond: number[];
  readonly singleMs: number[];
}

const known = Array.from({ length: 100 }, (_, i) => questionOf(`web-${i}`));
const all = Array.from({ length: SERVICES }, (_, i) => questionOf(`web-${i}`));
const echo = await measure("echo", known);
const few = await measure("dns", known);
const many = await measure("dns", all);
line("dns: questions about 100 names, one core", few);
line("dns: questions about 10,000 names, one core", many);
const single = { value: quantile(echo.singleMs, 0.99), name: "UDP echo, p99" };
report({
  name: "dns: one question at a time, p99",
  value: quantile(few.singleMs, 0.99),
  unit: "ms",
  limit: single,
  runs: few.singleMs.length,
  also: { p50: round(median(few.singleMs)), limitP50: round(median(echo.singleMs)) },
});
longestTurn(100);
longestTurn(1_000);

function line(name: string, measured: Measured): void {
  report({
    name,
    value: median(measured.perCpuSecond),
    unit: "/s",
    limit: { value: median(echo.perCpuSecond), name: "UDP echo" },
    runs: RUNS,
    also: {
      wallPerSecond: round(median(measured.perSecond)),
      limitWallPerSecond: round(median(echo.perSecond)),
    },
  });
}

/** The least of the runs: what else the machine does can only lengthen it. */
function longestTurn(perSlice: number): void {
  const turns = turnsOf(perSlice, HEADLESS_RUNS);
  const [[longest, value] = ["", 0]] = Object.entries(turns).toSorted(([, a], [, b]) => b - a);
  const also = Object.fromEntries(Object.entries(turns).map(([what, ms]) => [what, round(ms)]));
  report({
    name: `dns: longest turn, a headless service of 5,000 endpoints in slices of ${perSlice}`,
    value,
    unit: "ms",
    limit: { value: 10, name: "what one turn of the event loop may take" },
    runs: HEADLESS_RUNS,
    also: { longest, ...also },
  });
}

function questionOf(service: string): Buffer {
  const name = `${service}.default.svc.cluster.local`;
  return encode({ type: "query", id: 1, flags: 0x0100, questions: [{ type: "A", name }] });
}

async function measure(what: "dns" | "echo", questions: readonly Buffer[]): Promise<Measured> {
  const child = fork(join(import.meta.dirname, "dns/server.ts"), [what, String(SERVICES)]);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  socket.connect(port, HOST);
  await once(socket, "connect");
  const result: Measured = { perCpuSecond: [], perSecond: [], singleMs: [] };
  await askFor(socket, questions, RUN_MS);
  for (let i = 0; i < RUNS; i++) {
    const before = await usage(child);
    const begin = performance.now();
    const answered = await askFor(socket, questions, RUN_MS);
    const wallMs = performance.now() - begin;
    result.perSecond.push((answered / wallMs) * 1_000);
    result.perCpuSecond.push((answered / ((await usage(child)).cpuMs - before.cpuMs)) * 1_000);
  }
  for (let i = 0; i < SINGLE_QUESTIONS; i++) {
    const begin = performance.now();
    socket.send(questions[i % questions.length]!);
    await once(socket, "message");
    result.singleMs.push(performance.now() - begin);
  }
  socket.close();
  child.disconnect();
  await once(child, "exit");
  return result;
}

/** How many were answered within the time. */
async function askFor(socket: Socket, questions: readonly Buffer[], durationMs: number): Promise<number> {
  let answered = 0;
  let next = 0;
  let isOver = false;
  const ask = (): void => socket.send(questions[next++ % questions.length]!);
  const onAnswer = (): void => {
    answered++;
    if (!isOver) ask();
  };
  socket.on("message", onAnswer);
  for (let i = 0; i < WINDOW; i++) ask();
  await sleep(durationMs);
  isOver = true;
  const counted = answered;
  await sleep(LOSS_TIMEOUT_MS); // what is still under way must not be taken for the next run's
  socket.off("message", onAnswer);
  return counted;
}

async function usage(child: ChildProcess): Promise<Usage> {
  child.send("usage");
  const [message] = (await once(child, "message")) as [Usage];
  return message;
}
