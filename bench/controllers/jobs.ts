/** A Job of many pods, each of which ends well as soon as it is there. @module */
import { Jobs } from "#api/batch/v1/job";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { controllerOf, isConflict, isNotFound, type Kind } from "#apimachinery";
import assert from "node:assert/strict";
import { report, round } from "#bench";
import { measureFloor, podSpec, startControllersCluster, type ControllersCluster } from "./cluster.ts";

const FLOOR_PODS = 1_000;
/** Created, told to be done, its finalizer taken away. */
const WRITES_EACH = 3;

export async function measureJob(completions: number, parallelism: number): Promise<void> {
  const kinds = [Jobs, Pods] as unknown as readonly Kind[];
  await using cluster = await startControllersCluster(["job-controller"], kinds);
  const { client, informers, signal } = cluster;
  const floorMs = await measureFloor(cluster, WRITES_EACH, FLOOR_PODS);
  const made = endPods(cluster);
  const metadata = { namespace: "default", name: "work" };
  const template = { spec: { ...podSpec, restartPolicy: "Never" } };
  const spec = { completions, parallelism, template };
  const start = performance.now();
  await client.create(Jobs, { apiVersion: "batch/v1", kind: "Job", metadata, spec }, signal);
  await cluster.until([Jobs as unknown as Kind], () => {
    const { status } = informers.lister(Jobs).get("default/work") ?? {};
    return status?.conditions?.some(({ type }) => type === "Complete") === true;
  });
  const ms = performance.now() - start;
  assert.equal(made(), completions, "pods made, each of which has ended well and is counted once");
  report({
    name: `controllers: a Job of ${completions} completions, ${parallelism} at a time`,
    value: ms,
    unit: "ms",
    limit: {
      value: floorMs * completions,
      name: `${WRITES_EACH} writes of each pod by a client`,
    },
    runs: 1,
    also: {
      podsPerSecond: round((completions * 1_000) / ms),
      podsMade: made(),
      reconciles: cluster.reconciles(),
    },
  });
}

/** Gives how many pods there were in all. */
function endPods({ client, informers, signal }: ControllersCluster): () => number {
  let made = 0;
  const end = async (pod: Pod): Promise<void> => {
    const body = { status: { phase: "Succeeded" } };
    try {
      await client.patch(Pods, pod.metadata, { type: "merge", body }, signal, { subresource: "status" });
    } catch (err) {
      if (!signal.aborted && !isNotFound(err) && !isConflict(err)) throw err;
    }
  };
  informers.informer(Pods).addEventHandler({
    onAdd: (pod) => {
      if (controllerOf(pod) === undefined) return; // of the floor
      made++;
      void end(pod);
    },
  });
  return () => made;
}
