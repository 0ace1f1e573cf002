/** An API server with its controllers, a real kubelet on a folder of its own, and a CSI driver with all its sidecars. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Kind, silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { Pods } from "#api/core/v1/pod";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import { CSINodes } from "#api/storage/v1/csinode";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { CSIDriverSpec } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { type Client, type InformerFactory, newClient, newEventRecorder, newInformerFactory } from "#client";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { connect, createSimulatedRuntime } from "#cri";
import { unmountBelow } from "../../src/kubelet/volumes/mounts.ts";
import { linuxPlatform, runKubelet } from "#kubelet";
import { openMemoryStore } from "#storage";
import { CsiDriver, type CsiDriverOptions } from "../csi/csi-driver.ts";
import { runSidecars } from "../csi/csi-sidecars.ts";
import { until } from "./controllers-cluster.ts";

export const DRIVER = "folders.csi.example.com";
export const NODE = "n1";
const PATIENCE_MS = 60_000;
const WATCHED = [
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  VolumeAttachments,
  CSINodes,
  Events,
] as unknown as Kind[];

export interface CsiCluster extends AsyncDisposable {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly signal: AbortSignal;
  readonly driver: CsiDriver;
  readonly rootDir: string;
  until<R>(what: string, read: () => R | undefined | false): Promise<R>;
  stopKubelet(): Promise<void>;
  startKubelet(): void;
  createDriver(spec: CSIDriverSpec): Promise<void>;
  /** Resolves when it is bound; the driver must run. */
  createClaim(name: string, volumeMode?: "Block"): Promise<void>;
  createPod(name: string, spec: Partial<PodSpec>): Promise<Pod>;
  /** Messages of events about the pod, with their reasons. */
  events(pod: string): readonly string[];
}

export async function startCsiCluster(options: Partial<CsiDriverOptions> = {}): Promise<CsiCluster> {
  const base = await mkdtemp(join(tmpdir(), "k8ts-csi-"));
  const rootDir = join(base, "kubelet");
  const server = await createApiServer({ store: await openMemoryStore() });
  const client = newClient(server.transport());
  const abort = new AbortController();
  const { signal } = abort;
  const informers = newInformerFactory({ client });
  for (const kind of WATCHED) informers.informer(kind);
  const recorder = newEventRecorder({ client, component: "test" }, signal);
  const context = { client, informers, recorder, clock: systemClock, logger: silentLogger };
  const controllers = newControllers(context, { rootCA: "CA", clientFor: () => client });
  const manager = startManager({ ...context, controllers }, signal);
  const driver = new CsiDriver({ name: DRIVER, rootDir, dataDir: join(base, "data"), ...options });
  const connection = connect(driver.socketPath, systemClock);
  const nodeId = `id-of-${DRIVER}`;
  runSidecars({ client, informers, driver: DRIVER, nodeId, connection, signal });
  const runtime = createSimulatedRuntime({ clock: systemClock, podCidr: "10.200.0.0/24" });
  let kubelet: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  const startKubelet = (): void => {
    const stop = new AbortController();
    const done = runKubelet(
      {
        client,
        clock: systemClock,
        random: () => 0.5,
        logger: silentLogger,
        runtime,
        rootDir,
        nodeName: NODE,
        nodeIPs: ["192.0.2.1"],
        platform: linuxPlatform({ rootDir, cgroups: false, clock: systemClock, logger: silentLogger }),
        podLogsDir: join(base, "logs"),
        clusterDNS: ["10.96.0.10"],
        clusterDomain: "cluster.local",
      },
      stop.signal,
    );
    kubelet = { stop, done };
  };
  const stopKubelet = async (): Promise<void> => {
    kubelet?.stop.abort();
    await kubelet?.done;
    kubelet = undefined;
  };
  await prepare(client, signal);
  await manager.ready;
  startKubelet();
  return {
    client,
    informers,
    signal,
    driver,
    rootDir,
    async until(what, read) {
      const { promise, resolve } = Promise.withResolvers<true>();
      driver.onChange = () => {
        const value = read();
        if (value !== undefined && value !== false) resolve(true);
      };
      const seen = until(informers, what, WATCHED, read, PATIENCE_MS);
      await Promise.race([seen, promise]);
      seen.catch(() => {});
      return read() as never;
    },
    startKubelet,
    stopKubelet,
    createDriver: (spec) => createDriver(client, spec, signal),
    async createClaim(name, volumeMode) {
      await createClaim(client, name, volumeMode, signal);
      const bound = (): boolean =>
        informers.lister(PersistentVolumeClaims).get(`default/${name}`)?.status?.phase === "Bound";
      await until(informers, `the claim ${name} is bound`, WATCHED, bound, PATIENCE_MS);
    },
    createPod: (name, spec) => createPod(client, name, spec, signal),
    events: (pod) =>
      informers
        .lister(Events)
        .list()
        .filter(({ involvedObject }) => involvedObject.name === pod)
        .map(({ reason, message }) => `${reason}: ${message}`),
    async [Symbol.asyncDispose]() {
      await stopKubelet();
      abort.abort();
      await manager.stopped;
      connection.close();
      await driver[Symbol.asyncDispose]();
      await runtime.close();
      await server.close();
      // What the test left undone.
      await unmountBelow(base);
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function prepare(client: Client, signal: AbortSignal): Promise<void> {
  const metadata = { name: "default", namespace: "default" };
  await client
    .create(
      ServiceAccounts,
      { apiVersion: "v1", kind: "ServiceAccount", metadata, automountServiceAccountToken: false },
      signal,
    )
    .catch(() => {});
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    provisioner: DRIVER,
  } as const;
  const rest = { allowVolumeExpansion: true, volumeBindingMode: "Immediate" } as const;
  await client.create(StorageClasses, { ...storageClass, metadata: { name: "csi" }, ...rest }, signal);
}

async function createDriver(client: Client, spec: CSIDriverSpec, signal: AbortSignal): Promise<void> {
  const driver = { apiVersion: "storage.k8s.io/v1", kind: "CSIDriver" } as const;
  await client.create(CSIDrivers, { ...driver, metadata: { name: DRIVER }, spec }, signal);
}

async function createClaim(
  client: Client,
  name: string,
  volumeMode: "Block" | undefined,
  signal: AbortSignal,
): Promise<void> {
  await client.create(
    PersistentVolumeClaims,
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace: "default" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "csi",
        resources: { requests: { storage: "1Gi" } },
        ...(volumeMode !== undefined && { volumeMode }),
      },
    },
    signal,
  );
}

function createPod(client: Client, name: string, spec: Partial<PodSpec>, signal: AbortSignal): Promise<Pod> {
  return client.create(
    Pods,
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: {
        nodeName: NODE,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "c", image: "i", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
        ...spec,
      },
    },
    signal,
  );
}
