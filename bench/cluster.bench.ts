/**
 * A cluster with real containers on one machine, by the command that users type: how long until it answers, is Ready and
 * serves, what it all costs at rest (its node's pods: `node.bench.ts`). Needs root and containerd.
 *
 * The sketch: `start` is two Node processes one after the other (40 ms each, and 0.3 s of loading code), then the server's
 * bootstrap; the node is Ready when containerd answers (0.3 s) and its pause image is imported. At rest only leases are
 * renewed. The limits: Node processes that do nothing, containerd alone, and CRI called by hand; all of the same run.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { median, report, round, skip } from "#bench";
import { whyNoContainerd } from "../src/cri/containerd/fixture.ts";
import { clusterProcesses, startBenchCluster, type BenchCluster } from "./cluster/bench-cluster.ts";
import { serveFirstApp } from "./cluster/first-app.ts";
import { cpuSeconds, memoryBytes } from "./cluster/processes.ts";
import { startRuntimeFloor, type RuntimeFloor } from "./cluster/runtime-floor.ts";
import type { EmptyProcess } from "./process/empty.ts";
import { measureChild } from "./process/measure-child.ts";

const CYCLES = 3;
/** V8 gives memory back about a minute after the last work. */
const SETTLE_MS = 75_000;
const IDLE_MS = 30_000;
const EMPTY = join(import.meta.dirname, "process/empty.ts");
const signal = new AbortController().signal;
const mebibytes = (pids: readonly number[]): number => memoryBytes(pids) / 2 ** 20;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const reason = await whyNoContainerd();
if (reason === false) await benchCluster();
else skip("cluster", reason);

interface StartTimes {
  readonly api: number;
  readonly node: number;
  readonly app: number;
  readonly cpuSeconds: number;
}

async function benchCluster(): Promise<void> {
  await using floor = await startRuntimeFloor(signal);
  const nodeMs: number[] = [];
  for (let i = 0; i < 5; i++) nodeMs.push((await measureChild<EmptyProcess>(EMPTY)).wallMs);
  const times: StartTimes[] = [];
  for (let i = 0; i < CYCLES; i++) {
    await using cluster = await startBenchCluster();
    await serveFirstApp(cluster, signal);
    times.push({
      api: cluster.apiMs,
      node: cluster.nodeReadyMs,
      cpuSeconds: cluster.cpuSeconds,
      app: performance.now() - cluster.startedAt,
    });
    if (i < CYCLES - 1) continue;
    const podMs = median(await floor.run(1));
    reportStarts(times, 2 * median(nodeMs), floor.startMs, podMs);
  }
  await using cluster = await startBenchCluster();
  await benchIdle(cluster, floor);
}

function reportStarts(
  times: readonly StartTimes[],
  processesMs: number,
  containerdMs: number,
  podMs: number,
): void {
  const line = (name: string, of: "api" | "node" | "app", limit: number, limitName: string): void => {
    const values = times.map((time) => time[of]);
    const cpu = round(median(times.map((time) => time.cpuSeconds)));
    const also = { worst: round(Math.max(...values)), ...(of === "node" && { cpuSeconds: cpu }) };
    report({
      name,
      value: median(values),
      unit: "ms",
      limit: { value: limit, name: limitName },
      runs: CYCLES,
      also,
    });
  };
  const two = "two Node processes that do nothing";
  line("cluster: start to the API answers", "api", processesMs, two);
  const runtime = processesMs + containerdMs;
  line("cluster: start to the node is Ready", "node", runtime, `${two}, and containerd's start`);
  line(
    "cluster: start to the first app serves and DNS answers, image built on the way",
    "app",
    runtime + podMs,
    `${two}, containerd's start, and one pod by CRI`,
  );
}

async function benchIdle({ home }: BenchCluster, floor: RuntimeFloor): Promise<void> {
  const idle = [1, 2].map(() =>
    spawn(process.execPath, [EMPTY, "wait"], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  await Promise.all(idle.map((child) => once(child.stdout, "data")));
  await sleep(SETTLE_MS);
  const ours = clusterProcesses(home);
  const limit = [floor.pid, ...idle.map(({ pid }) => pid!)];
  const before = [cpuSeconds(ours), cpuSeconds(limit)] as const;
  await sleep(IDLE_MS);
  const used = [cpuSeconds(ours) - before[0], cpuSeconds(limit) - before[1]] as const;
  const limitName = "two idle Node processes and containerd";
  report({
    name: "cluster: memory at rest, one node, everything on",
    value: mebibytes(ours),
    unit: "MiB",
    limit: { value: mebibytes(limit), name: limitName },
    runs: 1,
    also: { processes: ours.length },
  });
  const percent = (seconds: number): number => (seconds * 100_000) / IDLE_MS;
  report({
    name: "cluster: processor at rest, one node, everything on",
    value: percent(used[0]),
    unit: "% of a core",
    limit: { value: percent(used[1]), name: limitName },
    runs: 1,
    also: { seconds: IDLE_MS / 1000 },
  });
  for (const child of idle) child.stdin.end();
}
