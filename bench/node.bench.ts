/**
 * A node with real containers: how long a pod takes from its creation to Ready, alone and among many, how soon a changed
 * ConfigMap is in the pod's file, and what the node's agent costs at rest. Needs root and containerd.
 *
 * The sketch: a pod is containerd's 140 ms, and around it four writes to the API and three watches, 5 ms each. Of many at
 * once runc's and the CNI plugins' processes take all the processors there are, 80 ms of them a pod: ours is what the agent
 * and the server take besides. A ConfigMap is one watch event (2 ms), and five files and links. At rest the agent renews a
 * lease every ten seconds and looks at memory and disks, whatever the pods do.
 * The limits: CRI called by hand, the watch of another client, a Node process that does nothing; all of the same run.
 *
 *     node bench/node.bench.ts start many update idle          or those of them that are wanted
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "node:process";
import { median, quantile, report, round, skip } from "#bench";
import { whyNoContainerd } from "../src/cri/containerd/fixture.ts";
import {
  agentProcess,
  clusterProcesses,
  kubeletFolder,
  startBenchCluster,
  type BenchCluster,
} from "./cluster/bench-cluster.ts";
import { configMapUpdates } from "./cluster/config-map-updates.ts";
import { podStarts, type PodStarts } from "./cluster/pod-starts.ts";
import { cpuSeconds, memoryBytes } from "./cluster/processes.ts";
import { startRuntimeFloor, type RuntimeFloor } from "./cluster/runtime-floor.ts";

const ROOT = join(import.meta.dirname, "..");
const EMPTY = join(import.meta.dirname, "process/empty.ts");
const IMAGE = "demo/web:1";
const PODS = 40;
const MANY = [30, 110];
const MANY_TURNS = 3;
const UPDATES = 40;
/** So many pods of ours, and those of kube-system. */
const PODS_MAX = 130;
const IDLE_PODS = 110;
/** V8 gives memory back about a minute after the last work. */
const SETTLE_MS = 75_000;
const IDLE_MS = 60_000;
const signal = new AbortController().signal;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const parts = argv.slice(2);
const isWanted = (part: string): boolean => parts.length === 0 || parts.includes(part);
const reason = await whyNoContainerd();
if (reason === false) await benchNode();
else skip("node", reason);

async function benchNode(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-bench-"));
  try {
    const file = join(folder, "kubelet.yaml");
    const kind = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
    await writeFile(file, `${kind}maxPods: ${PODS_MAX}\n`);
    await using cluster = await startBenchCluster(`--extra-config=kubelet.config=${file}`);
    await cluster.k8ts("image", "build", "-t", IMAGE, join(ROOT, "examples/web"));
    await using pods = await podStarts(cluster.client, IMAGE, signal);
    await pods.run(1);
    if (isWanted("idle")) await benchIdle(cluster, pods);
    if (isWanted("update")) await benchUpdates(cluster);
    await using floor = await startRuntimeFloor(signal);
    if (isWanted("start")) await benchStarts(pods, floor);
    if (isWanted("many")) for (const count of MANY) await benchMany(count, cluster, pods, floor);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function benchStarts(pods: PodStarts, floor: RuntimeFloor): Promise<void> {
  const ours: number[] = [];
  const limit: number[] = [];
  for (let i = 0; i < PODS; i++) {
    limit.push(...(await floor.run(1)));
    ours.push(...(await pods.run(1)));
  }
  for (const [name, q] of [
    ["p50", 0.5],
    ["p99", 0.99],
  ] as const) {
    report({
      name: `node: pod create to Ready, image present, ${name}`,
      value: quantile(ours, q),
      unit: "ms",
      limit: { value: quantile(limit, q), name: `RunPodSandbox, CreateContainer, StartContainer, ${name}` },
      runs: PODS,
    });
  }
}

async function benchMany(
  count: number,
  { home }: BenchCluster,
  pods: PodStarts,
  floor: RuntimeFloor,
): Promise<void> {
  const ours: number[] = [];
  const limit: number[] = [];
  const agentSeconds: number[] = [];
  const allSeconds: number[] = [];
  const used = (): readonly [number, number] => [
    cpuSeconds([agentProcess(home)]),
    cpuSeconds(clusterProcesses(home)),
  ];
  for (let turn = 0; turn < MANY_TURNS; turn++) {
    limit.push(Math.max(...(await floor.run(count))));
    const before = used();
    const ms = await pods.run(count, async () => {
      const after = used();
      agentSeconds.push(after[0] - before[0]);
      allSeconds.push(after[1] - before[1]);
    });
    ours.push(Math.max(...ms));
  }
  report({
    name: `node: ${count} pods at once, all Ready`,
    value: median(ours),
    unit: "ms",
    limit: { value: median(limit), name: "as many by CRI at once" },
    runs: MANY_TURNS,
    also: {
      worst: round(Math.max(...ours)),
      agentCpuSeconds: round(median(agentSeconds)),
      // processes of the runtime that have ended are not among them
      clusterCpuSeconds: round(median(allSeconds)),
    },
  });
}

async function benchUpdates({ client, home }: BenchCluster): Promise<void> {
  await using updates = await configMapUpdates(client, IMAGE, kubeletFolder(home), signal);
  await updates.run();
  const times = [];
  for (let i = 0; i < UPDATES; i++) times.push(await updates.run());
  const fileMs = times.map((time) => time.fileMs);
  report({
    name: "node: ConfigMap updated to the file changed in the pod",
    value: median(fileMs),
    unit: "ms",
    limit: { value: median(times.map((time) => time.watchMs)), name: "to another client's watch" },
    runs: UPDATES,
    also: { p99: round(quantile(fileMs, 0.99)) },
  });
}

async function benchIdle(cluster: BenchCluster, pods: PodStarts): Promise<void> {
  await idle(cluster, 0);
  await pods.run(IDLE_PODS, () => idle(cluster, IDLE_PODS));
}

async function idle({ home }: BenchCluster, count: number): Promise<void> {
  const empty = spawn(process.execPath, [EMPTY, "wait"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(empty.stdout, "data");
  await sleep(SETTLE_MS);
  const [agent, all, limit] = [[agentProcess(home)], clusterProcesses(home), [empty.pid!]];
  const before = [agent, all, limit].map(cpuSeconds);
  await sleep(IDLE_MS);
  const [ours, whole, nothing] = [agent, all, limit].map(
    (pids, i) => ((cpuSeconds(pids) - before[i]!) * 100_000) / IDLE_MS,
  );
  const [agentMiB, allMiB, limitMiB] = [agent, all, limit].map((pids) => memoryBytes(pids) / 2 ** 20);
  empty.stdin.end();
  const name = "a Node process that does nothing";
  const runs = 1;
  report({
    name: `node: processor of the agent at rest with ${count} pods`,
    value: ours!,
    unit: "% of a core",
    // less than a hundredth of a second in a minute is not told apart from nothing
    limit: { value: Math.max(nothing!, 1 / (IDLE_MS / 1000)), name },
    runs,
    also: { seconds: IDLE_MS / 1000, wholeCluster: round(whole!) },
  });
  report({
    name: `node: memory of the agent at rest with ${count} pods`,
    value: agentMiB!,
    unit: "MiB",
    limit: { value: limitMiB!, name },
    runs,
    also: { wholeCluster: round(allMiB!) },
  });
}
