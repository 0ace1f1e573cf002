/** The two kinds of cluster that tests run on; each is started by the first test that needs it and serves all of a process. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startTestCluster, type TestCluster as SimulatedCluster } from "#testing";
import { TestCluster as LaunchedCluster } from "../../e2e/harness.ts";
import { openSession, type Session } from "./session.ts";

/** `simulated`: in this process, pods run nothing. `containers`: started by the command a user types; needs root. */
export type Backend = "simulated" | "containers";

export interface Simulated {
  readonly session: Session;
  readonly cluster: SimulatedCluster;
  close(): Promise<void>;
}

export interface Launched {
  readonly session: Session;
  readonly cluster: LaunchedCluster;
  close(): Promise<void>;
}

const NODES = 3;
/** Built from `examples/web`: busybox, and `serve`, which says which pod answered. */
export const WEB_IMAGE = "demo/web:1";
/** Names of tests to which it does not matter what runs. */
const STAND_INS = [1, 2].map((tag) => `registry.example.com/main:${tag}`);
const WEB_FOLDER = join(import.meta.dirname, "../../../examples/web");

export async function startSimulated(): Promise<Simulated> {
  const cluster = await startTestCluster({ nodes: NODES, listen: true });
  try {
    const session = await openSession(cluster.kubeconfig!);
    const close = async (): Promise<void> => {
      await session.close();
      await cluster.close();
    };
    return { session, cluster, close };
  } catch (err) {
    await cluster.close();
    throw err;
  }
}

export async function startLaunched(): Promise<Launched> {
  const cluster = await LaunchedCluster.prepare(`conf${process.pid}`);
  try {
    await cluster.k8ts("start", `--nodes=${NODES}`);
    for (const image of [WEB_IMAGE, ...STAND_INS])
      await cluster.k8ts("image", "build", "-t", image, WEB_FOLDER);
    const session = await openSession(await readFile(join(cluster.home, "kubeconfig"), "utf8"));
    const close = async (): Promise<void> => {
      await session.close();
      await cluster.destroy();
    };
    return { session, cluster, close };
  } catch (err) {
    await cluster.destroy().catch((cause: unknown) => {
      throw new AggregateError([err, cause], `Neither started nor removed: ${String(err)}`, { cause: err });
    });
    throw err;
  }
}
