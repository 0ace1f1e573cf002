import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Kind, type KubeObject, silentLogger, systemClock } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Event as CoreEvent, Pod, PodCondition, PodSpec } from "#api/core/v1/types.gen";
import { Leases } from "#api/coordination/v1/lease";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import { createApiServer, type ApiServer } from "#apiserver";
import { newClient, type Client } from "#client";
import { createSimulatedRuntime, type Runtime } from "#cri";
import { runKubelet, simulatedPlatform, type KubeletOptions } from "#kubelet";
import { openMemoryStore } from "#storage";

const signal = new AbortController().signal;
const namespace = "default";
const WAIT_MS = 60_000;

let server: ApiServer;
let client: Client;
let runtime: Runtime;
let kubelet: { readonly stop: () => Promise<void> };

before(async () => {
  server = await createApiServer({ store: await openMemoryStore() });
  client = newClient(server.transport());
  runtime = createSimulatedRuntime({
    clock: systemClock,
    podCidr: "10.200.0.0/24",
    canPull: (reference) => !reference.includes("missing"),
  });
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace },
  } as const;
  await client.create(ServiceAccounts, { ...account, automountServiceAccountToken: false }, signal);
  kubelet = startKubelet();
});

after(async () => {
  await kubelet.stop();
  await runtime.close();
  await server.close();
});

function startKubelet(options: Partial<KubeletOptions> = {}): { readonly stop: () => Promise<void> } {
  const stop = new AbortController();
  const done = runKubelet(
    {
      client,
      clock: systemClock,
      random: () => 0.5,
      logger: silentLogger,
      nodeName: "n1",
      nodeIPs: ["192.0.2.1"],
      runtime,
      platform: simulatedPlatform(),
      rootDir: "/none",
      podLogsDir: "/none",
      clusterDNS: ["10.96.0.10"],
      clusterDomain: "cluster.local",
      ...options,
    },
    stop.signal,
  );
  return {
    async stop() {
      stop.abort();
      await done;
    },
  };
}

/** Watches from the present state until an object of that name ("": of any) satisfies `isDone`. */
async function first<T extends KubeObject>(
  kind: Kind<T>,
  name: string,
  isDone: (object: T) => boolean,
): Promise<T> {
  const stop = AbortSignal.timeout(WAIT_MS);
  const scope = name === "" ? {} : { fieldSelector: `metadata.name=${name}` };
  const { items, metadata } = await client.list(kind, scope, stop);
  const found = items.find(isDone);
  if (found !== undefined) return found;
  const { resourceVersion = "" } = metadata;
  for await (const event of client.watch(kind, { ...scope, resourceVersion }, stop)) {
    if (event.type === "ERROR" || event.type === "BOOKMARK" || event.type === "DELETED") continue;
    if (isDone(event.object)) return event.object;
  }
  throw new Error(`${kind.kind} ${name} did not get there in ${WAIT_MS} ms`);
}

function until(name: string, isDone: (pod: Pod) => boolean): Promise<Pod> {
  return first(Pods, name, isDone);
}

async function untilGone(name: string): Promise<void> {
  const stop = AbortSignal.timeout(WAIT_MS);
  const fieldSelector = `metadata.name=${name}`;
  const { items, metadata } = await client.list(Pods, { namespace, fieldSelector }, stop);
  if (items.length === 0) return;
  const { resourceVersion = "" } = metadata;
  for await (const { type } of client.watch(Pods, { namespace, fieldSelector, resourceVersion }, stop)) {
    if (type === "DELETED") return;
  }
  throw new Error(`Pod ${name} is still there after ${WAIT_MS} ms`);
}

function create(name: string, spec: Partial<PodSpec> = {}): Promise<Pod> {
  const containers = [{ name: "c", image: "demo/web:1" }];
  const metadata = { name, namespace };
  const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { nodeName: "n1", containers, ...spec } };
  return client.create(Pods, pod, signal);
}

const isReadyCondition = ({ type, status }: PodCondition): boolean => type === "Ready" && status === "True";
const isReady = ({ status }: Pod): boolean => status?.conditions?.some(isReadyCondition) === true;
const idOf = ({ status }: Pod): string | undefined => status?.containerStatuses?.[0]?.containerID;
const waitingReason = ({ status }: Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.waiting?.reason;

test("runKubelet registers a node that becomes Ready and renews its lease", async () => {
  const { status, metadata } = await first(
    Nodes,
    "n1",
    (node) => node.status?.conditions?.some(isReadyCondition) === true,
  );
  assert.equal(metadata.labels?.["kubernetes.io/hostname"], "n1");
  assert.deepEqual(
    status?.addresses?.map(({ address }) => address),
    ["192.0.2.1", "n1"],
  );
  assert.equal(status.capacity?.["cpu"], "32");
  assert.equal(status.allocatable?.["pods"], "110");
  const lease = await first(Leases, "n1", () => true);
  assert.equal(lease.spec?.holderIdentity, "n1");
});

test("runKubelet runs a pod and takes it down when it is deleted", async () => {
  await create("web");
  const { status } = await until("web", isReady);
  assert.equal(status?.phase, "Running");
  assert.match(status?.podIP ?? "", /^10\.200\.0\./u);
  assert.equal(status?.hostIP, "192.0.2.1");
  assert.match(status?.containerStatuses?.[0]?.containerID ?? "", /^simulated:\/\//u);
  await client.delete(Pods, { namespace, name: "web" }, signal);
  await untilGone("web");
  for (const reason of ["Pulled", "Created", "Started", "Killing"])
    await first(Events, "", (event) => event.reason === reason && event.involvedObject.name === "web");
});

test("runKubelet says why an image cannot be pulled", async () => {
  await create("noimage", { containers: [{ name: "c", image: "demo/missing:1" }] });
  // It may have been tried by now: then the next try waits.
  const why = ["ErrImagePull", "ImagePullBackOff"];
  const pod = await until("noimage", (p) => why.includes(waitingReason(p) ?? ""));
  assert.equal(pod.status?.phase, "Pending");
  await client.delete(Pods, { namespace, name: "noimage" }, signal);
  await untilGone("noimage");
});

test("runKubelet starts a container as soon as the configMap it needs exists", async () => {
  const envFrom = [{ configMapRef: { name: "late" } }];
  await create("late", { containers: [{ name: "c", image: "demo/web:1", envFrom }] });
  await until("late", (p) => waitingReason(p) === "CreateContainerConfigError");
  const metadata = { name: "late", namespace };
  await client.create(
    ConfigMaps,
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { A: "1" } },
    signal,
  );
  await until("late", isReady);
  await client.delete(Pods, { namespace, name: "late" }, signal);
  await untilGone("late");
});

/** Waits for the event that ends with this. */
function unprepared(why: string): Promise<unknown> {
  const isTold = ({ reason, message = "" }: CoreEvent): boolean =>
    reason === "FailedPrepareDynamicResources" && message.endsWith(why);
  return first(Events, "", isTold);
}

test("runKubelet runs a pod on a simulated node once its claim is there, allocated and reserved for it", async () => {
  const apiVersion = "resource.k8s.io/v1" as const;
  const metadata = { name: "dice", namespace };
  const requests = [{ name: "r", exactly: { deviceClassName: "dice" } }];
  const results = [{ request: "r", driver: "dice.example.com", pool: "p", device: "d1" }];
  const containers = [{ name: "c", image: "demo/web:1", resources: { claims: [{ name: "mine" }] } }];
  const resourceClaims = [{ name: "mine", resourceClaimName: "dice" }];
  const pod = await create("claiming", { containers, resourceClaims });
  await unprepared('fetch ResourceClaim dice: resourceclaims.resource.k8s.io "dice" not found');
  const claim = { apiVersion, kind: "ResourceClaim", metadata, spec: { devices: { requests } } } as const;
  const made = await client.create(ResourceClaims, claim, signal);
  const uid = pod.metadata.uid!;
  await unprepared(`pod claiming (${uid}) is not allowed to use ResourceClaim dice (${made.metadata.uid})`);
  const reservedFor = [{ resource: "pods", name: "claiming", uid }];
  const status = { allocation: { devices: { results } }, reservedFor };
  await client.updateStatus(ResourceClaims, { ...made, status }, signal);
  await until("claiming", isReady);
  await client.delete(Pods, { namespace, name: "claiming" }, signal);
  await untilGone("claiming");
});

test("runKubelet on a simulated node answers network probes without the network", async () => {
  const probe = { httpGet: { port: 80 }, periodSeconds: 1 };
  await create("probed", {
    containers: [{ name: "c", image: "demo/web:1", readinessProbe: probe, startupProbe: probe }],
  });
  await until("probed", isReady);
  await client.delete(Pods, { namespace, name: "probed" }, signal);
  await untilGone("probed");
});

test("runKubelet ends a pod at its deadline", async () => {
  await create("brief", { activeDeadlineSeconds: 1 });
  const { status } = await until("brief", (pod) => pod.status?.phase === "Failed");
  assert.equal(status?.reason, "DeadlineExceeded");
  await client.delete(Pods, { namespace, name: "brief" }, signal);
  await untilGone("brief");
});

test("runKubelet refuses a pod that does not fit the node", async () => {
  const resources = { requests: { cpu: "64" } };
  await create("huge", { containers: [{ name: "c", image: "demo/web:1", resources }] });
  const { status } = await until("huge", (pod) => pod.status?.phase === "Failed");
  assert.equal(status?.reason, "OutOfcpu");
  await client.delete(Pods, { namespace, name: "huge" }, signal);
  await untilGone("huge");
});

test("runKubelet adopts running containers after a restart, and removes pods that were deleted meanwhile", async () => {
  await Promise.all([create("kept"), create("dropped")]);
  const earlier = await until("kept", isReady);
  await until("dropped", isReady);
  await kubelet.stop();
  await client.delete(Pods, { namespace, name: "dropped" }, signal, { gracePeriodSeconds: 0 });
  kubelet = startKubelet();
  await create("after");
  await until("after", isReady);
  const now = await until("kept", isReady);
  assert.equal(idOf(now), idOf(earlier));
  assert.equal(now.status?.containerStatuses?.[0]?.restartCount, 0);
  for (const deadlineMs = systemClock.monotonicMs() + WAIT_MS; ; await systemClock.sleep(10, signal)) {
    const names = (await runtime.listPodSandbox({}, signal)).map(({ metadata }) => metadata.name);
    if (!names.includes("dropped")) break;
    assert.ok(systemClock.monotonicMs() < deadlineMs, `still there: ${names.join(" ")}`);
  }
});

const manifestOf = (name: string): string =>
  `kind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: demo/web:1}]}\n`;

test("runKubelet runs a static pod, shows it by a mirror, and makes the mirror again", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-kubelet-manifests-"));
  const manifest = join(dir, "static.yaml");
  const text = manifestOf("static");
  const own = createSimulatedRuntime({ clock: systemClock, podCidr: "10.200.1.0/24" });
  const second = startKubelet({ nodeName: "n2", runtime: own, podManifestPath: dir });
  try {
    await writeFile(manifest, text);
    const mirror = await until("static-n2", isReady);
    assert.equal(mirror.metadata.annotations?.["kubernetes.io/config.source"], "file");
    assert.equal(mirror.metadata.ownerReferences?.[0]?.kind, "Node");
    await client.delete(Pods, { namespace, name: "static-n2" }, signal, { gracePeriodSeconds: 0 });
    const again = await until("static-n2", (pod) => pod.metadata.uid !== mirror.metadata.uid && isReady(pod));
    assert.equal(idOf(again), idOf(mirror));
    await rm(manifest);
    await untilGone("static-n2");
  } finally {
    await second.stop();
    await own.close();
    await rm(dir, { recursive: true });
  }
});

test("runKubelet gives a static pod the place of another one, and refuses it where all are critical", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-kubelet-manifests-"));
  const own = createSimulatedRuntime({ clock: systemClock, podCidr: "10.200.2.0/24" });
  const second = startKubelet({ nodeName: "n3", runtime: own, podManifestPath: dir, maxPods: 1 });
  try {
    await create("victim", { nodeName: "n3", terminationGracePeriodSeconds: 1 });
    await until("victim", isReady);
    await writeFile(join(dir, "a.yaml"), manifestOf("first"));
    await until("first-n3", isReady);
    const { status } = await until("victim", (pod) => pod.status?.phase === "Failed");
    assert.equal(status?.reason, "Preempting");
    assert.equal(status.message, "Preempted in order to admit critical pod");
    const disrupted = status.conditions?.find(({ type }) => type === "DisruptionTarget");
    assert.equal(disrupted?.reason, "TerminationByKubelet");
    await writeFile(join(dir, "b.yaml"), manifestOf("second"));
    const refused = await until("second-n3", (pod) => pod.status?.phase === "Failed");
    assert.equal(refused.status?.reason, "UnexpectedAdmissionError");
    assert.match(refused.status.message ?? "", /no set of running pods found .*\(res: pods, q: 1\)/u);
    await client.delete(Pods, { namespace, name: "victim" }, signal, { gracePeriodSeconds: 0 });
  } finally {
    await second.stop();
    await own.close();
    await rm(dir, { recursive: true });
  }
});
