/**
 * A cluster inside a test: from `startTestCluster` to the first object created, in a process of its own each time.
 *
 * The sketch: an API server writes 120 objects of its own (0.1 ms each, 12 ms) and opens 60 watch caches; the controllers fill
 * 25 caches that are in memory already; a kubelet registers and waits for one taint to go: 40 ms of code that is warm, three
 * times that in a process that has run none of it. Loading the code, 400 modules, costs more than all of it.
 * The limit is the API server alone, and for the whole process Node that does nothing.
 * @module
 */
import { join } from "node:path";
import { median, report, round } from "#bench";
import type { EmptyProcess } from "./process/empty.ts";
import type { FirstObject } from "./process/first-object.ts";
import { measureChild } from "./process/measure-child.ts";

const RUNS = 7;
const script = (name: string): string => join(import.meta.dirname, "process", name);

const cluster: FirstObject[] = [];
const server: FirstObject[] = [];
const whole: number[] = [];
const nothing: number[] = [];
for (let i = 0; i < RUNS; i++) {
  nothing.push((await measureChild<EmptyProcess>(script("empty.ts"))).wallMs);
  server.push((await measureChild<FirstObject>(script("first-object.ts"), ["server"])).result);
  const run = await measureChild<FirstObject>(script("first-object.ts"));
  cluster.push(run.result);
}
for (const [i, { importMs, coldMs }] of cluster.entries()) whole.push(nothing[i]! + importMs + coldMs);

line("testing: test cluster, start to first object, in a new process", ({ coldMs }) => coldMs);
line("testing: test cluster, start to first object, not the first of its process", ({ warmMs }) =>
  median(warmMs),
);
line("testing: loading the code of a test cluster", ({ importMs }) => importMs);
report({
  name: "testing: whole process, to the first object",
  value: median(whole),
  unit: "ms",
  limit: { value: median(nothing), name: "a Node process that does nothing" },
  runs: RUNS,
  also: {
    cpuMs: round(median(cluster.map((run) => run.cpuMs))),
    rssMiB: round(median(cluster.map(({ rssBytes }) => rssBytes)) / 2 ** 20),
  },
});

function line(name: string, of: (run: FirstObject) => number): void {
  const limit = { value: median(server.map(of)), name: "the API server alone" };
  report({ name, value: median(cluster.map(of)), unit: "ms", limit, runs: RUNS });
}
