/** The cycle alone: which node a pod gets, without queue and API. @module */
import { bench } from "#bench";
import { podInfo } from "../../src/scheduler/cache/pod-info.ts";
import { SchedulerCache } from "../../src/scheduler/cache/scheduler-cache.ts";
import { NodeFinder } from "../../src/scheduler/find-node.ts";
import { findNow, testFramework } from "../../src/scheduler/fixture.ts";
import { NominatedPods } from "../../src/scheduler/preemption/nominated-pods.ts";
import { newNode } from "./nodes.ts";
import { newPod, type PodTemplate } from "./pod-template.ts";

/** Pods placed by one call of `run`, and taken away again. */
const PODS = 200;
const MILLI_CPU = 100;
const MEMORY = 500 * 1024 * 1024;

/** The limit reads the same numbers of all nodes from plain arrays: fit and two scores, nothing else. */
export async function measureCycle(name: string, template: PodTemplate, nodes: number): Promise<void> {
  const value = await bench({
    name: `scheduler/cycle limit: full scan of arrays, ${nodes} nodes`,
    operations: PODS,
    run: arrayScan(nodes),
  });
  const limit = { value, name: "full scan of all nodes in typed arrays, fit and two scores" };
  const cache = new SchedulerCache();
  for (let i = 0; i < nodes; i++) cache.setNode(newNode(`scheduler-perf-${i}`, `zone${(i % 3) + 1}`));
  const framework = testFramework();
  for (const percentageOfNodesToScore of [0, 100]) {
    const finder = new NodeFinder(framework, new NominatedPods(), () => 0.5, { percentageOfNodesToScore });
    const share = percentageOfNodesToScore === 0 ? "as many nodes as upstream looks at" : "all nodes";
    await bench({
      name: `scheduler/cycle ${name}: ${nodes} nodes, ${share}`,
      operations: PODS,
      limit,
      run() {
        const placed: string[] = [];
        for (let i = 0; i < PODS; i++) {
          const pod = podInfo({ ...newPod(template, i, "sched-0"), metadata: metadataOf(template, i) });
          const found = findNow(finder, pod, cache);
          if (found.kind !== "node") throw new Error(`pod ${i} found no node`);
          cache.assume(pod, found.node.name);
          placed.push(pod.uid);
        }
        for (const uid of placed) cache.removePod(uid);
      },
    });
  }
}

function metadataOf({ generateName, labels = {} }: PodTemplate, i: number) {
  return { name: `${generateName}${i}`, namespace: "sched-0", uid: `${generateName}${i}`, labels };
}

function arrayScan(nodes: number): () => void {
  const cpu = new Float64Array(nodes).fill(4_000);
  const memory = new Float64Array(nodes).fill(32 * 2 ** 30);
  const usedCpu = new Float64Array(nodes);
  const usedMemory = new Float64Array(nodes);
  return () => {
    for (let pod = 0; pod < PODS; pod++) {
      let best = -1;
      let bestScore = -1;
      for (let i = 0; i < nodes; i++) {
        const newCpu = usedCpu[i]! + MILLI_CPU;
        const newMemory = usedMemory[i]! + MEMORY;
        if (newCpu > cpu[i]! || newMemory > memory[i]!) continue;
        const cpuShare = newCpu / cpu[i]!;
        const memoryShare = newMemory / memory[i]!;
        const score =
          (1 - (cpuShare + memoryShare) / 2) * 100 + (1 - Math.abs(cpuShare - memoryShare) / 2) * 100;
        if (score <= bestScore) continue;
        best = i;
        bestScore = score;
      }
      usedCpu[best]! += MILLI_CPU;
      usedMemory[best]! += MEMORY;
    }
    usedCpu.fill(0);
    usedMemory.fill(0);
  };
}
