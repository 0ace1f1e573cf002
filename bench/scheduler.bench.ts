/**
 * Scheduler: throughput from created to bound through the API.
 */
import { measureThroughput } from "./scheduler/throughput.ts";
import { workloads } from "./scheduler/workloads.ts";

const wanted = process.argv.slice(2);
for (const workload of workloads) {
  if (wanted.length === 0 || wanted.some((name) => workload.name.includes(name)))
    for (const store of (process.env["STORES"]?.split(",") ?? ["memory", "lmdb"]) as ("memory" | "lmdb")[])
      await measureThroughput(workload, store);
}
