/**
 * Scheduler: the cycle alone, and pods per second from created to bound through the API.
 *
 * Sketch: a cycle asks 500 of 5,000 nodes a handful of numbers each by 4 filters and 3 scores, 10 ns a question, 40 µs a
 * pod; counters of pods by topology make affinity and spreading two reads per node more. From created to bound a pod is
 * written twice, and an event tells of it: the API's own pace is the limit, printed next to it from the same run.
 */
import { measureCycle } from "./scheduler/cycle.ts";
import { measureThroughput } from "./scheduler/throughput.ts";
import { podDefault, podWithPodAffinity, podWithTopologySpreading } from "./scheduler/pod-template.ts";
import { scaled } from "./scheduler/workload.ts";
import { workloads } from "./scheduler/workloads.ts";

/** Parts of names, and `scale=0.1` for a tenth of the nodes and pods. */
const args = process.argv.slice(2);
const wanted = args.filter((part) => !part.startsWith("scale="));
const scale = Number(args.find((part) => part.startsWith("scale="))?.slice("scale=".length) ?? 1);
const isWanted = (name: string): boolean => wanted.every((part) => name.includes(part));

const shapes = { plain: podDefault, affinity: podWithPodAffinity, spreading: podWithTopologySpreading };
for (const nodes of [1_000, 5_000]) {
  for (const [name, template] of Object.entries(shapes))
    if (isWanted(`cycle ${name} ${nodes}`)) await measureCycle(name, template, nodes);
}

for (const workload of workloads) {
  for (const store of ["memory", "lmdb"] as const)
    if (isWanted(`${workload.name}, ${store}`)) await measureThroughput(scaled(workload, scale), store);
}
