/**
 * A Kubernetes inside a test: the real API server, controllers, scheduler and kubelets in the test's own process, on the
 * memory store and the simulated runtime. No fake stands for any of them.
 * @module
 */
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { silentLogger, systemClock, type Kind, type KubeObject } from "#apimachinery";
import { newClient, newInformerFactory, type ObjectRef } from "#client";
import { TaskGroup } from "#component-base";
import { selectControllers } from "#controllers";
import { openMemoryStore } from "#storage";
import type { ApiServer } from "#apiserver";
import { kubeconfigOf, newTestPki } from "./certificates.ts";
import {
  newMetricsServer,
  SERVICE_ACCOUNT_CONTROLLER,
  startControllers,
  startMetricsServer,
  startScheduler,
  startServer,
  type Surroundings,
} from "./control-plane.ts";
import type { TestCluster, TestClusterOptions } from "./options.ts";
import { NODES_MAX, startSimulatedNode, type NodeDependencies } from "./simulated-node.ts";
import { until, waitFor, type Waiting, type WaitOptions } from "./waiting.ts";

const DEFAULT_ACCOUNT: ObjectRef = { namespace: "default", name: "default" };

/** Resolves when the nodes are Ready, the controllers work, and a pod may be created in the namespace `default`. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { nodes = 1, freezeObjects = true, listen = false, logger = silentLogger } = options;
  const { compactionIntervalMs, metricsResolutionMs } = options;
  if (!Number.isInteger(nodes) || nodes < 0 || nodes > NODES_MAX)
    throw new RangeError(`nodes must be a whole number from 0 to ${NODES_MAX}, is ${nodes}`);
  const surroundings: Surroundings = { clock: systemClock, random: Math.random, logger };
  const controllers = controllersOf(options);
  const hasServiceAccounts = controllers.includes(SERVICE_ACCOUNT_CONTROLLER);
  const pki = listen ? await newTestPki(systemClock) : undefined;
  const store = await openMemoryStore();
  const scrapes: NodeDependencies["scrapes"] = new Map();
  const metricsServer = newMetricsServer(scrapes, surroundings, metricsResolutionMs);
  const server = await startServer(store, surroundings, {
    metricsServer,
    freezeObjects,
    controllers,
    pki,
    compactionIntervalMs,
  });
  const tasks = new TaskGroup();
  const close = async (): Promise<void> => {
    try {
      await tasks[Symbol.asyncDispose]();
    } finally {
      await server.close();
      await store.close();
    }
  };
  try {
    const cluster = newTestCluster(server, { ...surroundings, scrapes }, tasks, freezeObjects, close);
    if (options.scheduler ?? true) startScheduler(tasks, server, cluster.informers, surroundings);
    startMetricsServer(tasks, metricsServer, server, cluster.informers);
    await Promise.all([
      ...Array.from({ length: nodes }, () => cluster.addNode()),
      controllers.length > 0 &&
        startControllers(tasks, server, cluster.informers, surroundings, controllers, pki),
      hasServiceAccounts &&
        cluster.waitFor(ServiceAccounts, DEFAULT_ACCOUNT, (account) => account !== undefined),
    ]);
    if (pki === undefined) return cluster;
    const [address] = await server.listen([{ host: "127.0.0.1", port: 0 }]);
    return { ...cluster, kubeconfig: kubeconfigOf(pki, address!.port) };
  } catch (err) {
    await close();
    throw err;
  }
}

function controllersOf({ controllers = true }: TestClusterOptions): readonly string[] {
  if (controllers === false) return [];
  return selectControllers(controllers === true ? ["*"] : controllers);
}

function newTestCluster(
  server: ApiServer,
  surroundings: Surroundings & Pick<NodeDependencies, "scrapes">,
  tasks: TaskGroup,
  freeze: boolean,
  closeOnce: () => Promise<void>,
): TestCluster {
  const { clock, random, logger } = surroundings;
  const { signal } = tasks;
  const transport = server.transport();
  const client = newClient(transport, { userAgent: "k8ts-test" });
  const informers = newInformerFactory({ client, clock, random, logger, freeze });
  const waiting: Waiting = { informers, clock, signal };
  let nodeCount = 0;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeOnce());
  return {
    client,
    transport,
    informers,
    signal,
    addNode(options = {}) {
      if (nodeCount >= NODES_MAX)
        return Promise.reject(new RangeError(`A test cluster has at most ${NODES_MAX} nodes`));
      return startSimulatedNode({ ...waiting, ...surroundings, server, tasks }, nodeCount++, options);
    },
    waitFor: <T extends KubeObject, F extends T | undefined>(
      kind: Kind<T>,
      ref: ObjectRef,
      fits: (object: T | undefined) => boolean,
      options?: WaitOptions,
    ) => waitFor(waiting, kind, ref, fits, options) as Promise<F>,
    until: (what, kinds, read, options) =>
      until(waiting, () => what, kinds as readonly unknown[] as readonly Kind[], read, options),
    close,
    [Symbol.asyncDispose]: close,
  };
}
