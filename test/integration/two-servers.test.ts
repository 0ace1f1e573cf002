/** Two whole control planes, each a process, on one real etcd: one works, and when it is killed the other goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { ReplicaSet } from "#api/apps/v1/types.gen";
import { Jobs } from "#api/batch/v1/job";
import { Leases } from "#api/coordination/v1/lease";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Endpoints } from "#api/core/v1/endpoints";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { isPodActive, isPodReady } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import { controllerOf, systemClock, type Kind } from "#apimachinery";
import { newClient, newInformerFactory, type Client, type InformerFactory } from "#client";
import { newHttpTransport, type HttpTransport } from "#client/node";
import { startEtcd } from "#storage/testing";
import { newNode, runKubelet, until } from "./controllers-cluster.ts";
import { freePort, ServerHome, type ServerProcess } from "./server-process.ts";

const PATIENCE_MS = 60_000;
const POLL_MS = 50;
const forever = new AbortController().signal;
const REPLICAS = 20;
const MAX_SURGE = 5;
const COMPLETIONS = 30;
const PARALLELISM = 5;
/** Set aside for documentation (RFC 5737), and dialled by nobody: loopback addresses are no endpoints. */
const ADVERTISED = ["192.0.2.1", "192.0.2.2"] as const;
const NAMES = ["kube-controller-manager", "kube-scheduler"];
const FLAGS = [
  "--controllers=deployment-controller,replicaset-controller,job-controller,serviceaccount-controller",
  "--leader-elect-lease-duration=12s",
  "--leader-elect-renew-deadline=10s",
  "--leader-elect-retry-period=500ms",
];
const kinds = [Pods, Deployments, ReplicaSets, Jobs, Leases, Endpoints] as unknown as readonly Kind[];
const web = { namespace: "default", name: "web" };
const work = { namespace: "default", name: "work" };
const kubernetes = "default/kubernetes";
const labels = { app: "web" };
const template = (image: string): { metadata: object; spec: NonNullable<Pod["spec"]> } => ({
  metadata: { labels },
  spec: { containers: [{ name: "c", image }] },
});

interface Member extends AsyncDisposable {
  readonly process: ServerProcess;
  readonly client: Client;
  /** Of the controller manager and of the scheduler: whether it says that it leads. */
  leads(): Promise<readonly boolean[]>;
}

async function startMember(home: ServerHome, advertised: string, etcd: string): Promise<Member> {
  const ports = [await freePort(), await freePort()];
  const process = await home.start(
    ...FLAGS,
    `--etcd-servers=${etcd}`,
    `--advertise-address=${advertised}`,
    `--component-bind-address=${home.host}`,
    `--controller-manager-secure-port=${ports[0]}`,
    `--scheduler-secure-port=${ports[1]}`,
  );
  const { certificatePem: cert, privateKeyPem: key } = home.admin;
  const transport: HttpTransport = newHttpTransport({
    server: `https://${home.host}:${home.port}`,
    ca: home.ca.certificatePem,
    clientCertificate: { cert, key },
  });
  return {
    process,
    client: newClient(transport),
    leads: () =>
      Promise.all(
        NAMES.map(async (name, i) => {
          const asked = { certificate: home.admin, port: ports[i]! };
          const { code, text } = await process.ask("/metrics", asked);
          assert.equal(code, 200, text);
          return text.includes(`leader_election_master_status{name="${name}"} 1`);
        }),
      ),
    async [Symbol.asyncDispose]() {
      await transport.close();
      await process[Symbol.asyncDispose]();
    },
  };
}

/** What must hold after every change, as the survivor tells of it. */
class Watch {
  readonly broken: string[] = [];
  /** By owner's kind: every pod there ever was. */
  readonly made = new Map<string, Set<string>>();
  readonly #informers: InformerFactory;
  /** By uid: the largest size a ReplicaSet has had so far, with the revision from which on. */
  readonly #sizes: { uid: string; count: number; revision: number }[] = [];

  constructor(informers: InformerFactory) {
    this.#informers = informers;
    const note = ({ metadata, spec }: ReplicaSet): void =>
      void this.#sizes.push({
        uid: metadata.uid!,
        count: spec?.replicas ?? 1,
        revision: Number(metadata.resourceVersion),
      });
    informers.informer(ReplicaSets).addEventHandler({ onAdd: note, onUpdate: note });
    const look = (pod: Pod): void => this.#look(pod);
    informers.informer(Pods).addEventHandler({ onAdd: look, onUpdate: look, onDelete: look });
  }

  #look(pod: Pod): void {
    const owner = controllerOf(pod)!;
    const uids = this.made.get(owner.kind) ?? new Set();
    this.made.set(owner.kind, uids.add(pod.metadata.uid!));
    const active = this.#informers.lister(Pods).list("default").filter(isPodActive);
    const count = active.filter((other) => controllerOf(other)?.uid === owner.uid).length;
    // A Deployment counts what its sets are told to have: a pod more may be there while one of the old set is being deleted.
    const most = owner.kind === "Job" ? PARALLELISM : REPLICAS;
    if (count > most) this.broken.push(`${count} pods of the ${owner.kind} at a time`);
  }

  /** The most replicas that all sets together were told to have at one time. */
  largestTotal(): number {
    const now = new Map<string, number>();
    let largest = 0;
    for (const { uid, count } of this.#sizes.toSorted((a, b) => a.revision - b.revision)) {
      now.set(uid, count);
      largest = Math.max(
        largest,
        [...now.values()].reduce((sum, size) => sum + size, 0),
      );
    }
    return largest;
  }
}

async function createWork({ client }: Member, signal: AbortSignal): Promise<void> {
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: MAX_SURGE, maxUnavailable: 0 } };
  const selector = { matchLabels: labels };
  const spec = { replicas: REPLICAS, selector, strategy, template: template("v1") };
  const head = { apiVersion: "apps/v1", kind: "Deployment" } as const;
  await client.create(Deployments, { ...head, metadata: web, spec }, signal);
}

async function createNode({ client }: Member, signal: AbortSignal): Promise<void> {
  const amounts = { pods: "500", cpu: "500", memory: "500Gi" };
  const node = newNode("node-1");
  const { status } = node as { status?: object };
  const made = await client.create(Nodes, node, signal);
  // the taint of a new node; whoever takes it away in a whole cluster is left out here
  const body = { spec: { taints: [] }, status: { ...status, capacity: amounts, allocatable: amounts } };
  await client.patch(Nodes, made.metadata, { type: "merge", body }, signal);
  await client.patch(Nodes, made.metadata, { type: "merge", body }, signal, { subresource: "status" });
}

test("of two control planes one works; when it is killed the other ends a rollout and a Job, no pod too many or too few", async (t) => {
  const etcd = await startEtcd();
  t.after(() => etcd.stop());
  await using home = await ServerHome.make();
  await using first = await startMember(home, ADVERTISED[0], etcd.endpoint);
  // Whether somebody leads is not watched: it is asked for.
  while (!(await first.leads()).every(Boolean)) await systemClock.sleep(POLL_MS, forever);
  await using second = await startMember(home.at("127.0.0.2"), ADVERTISED[1], etcd.endpoint);
  using stop = new DisposableStack();
  const abort = new AbortController();
  stop.defer(() => abort.abort());
  const { signal } = abort;
  const informers = newInformerFactory({ client: second.client });
  for (const kind of kinds) informers.informer(kind);
  const watch = new Watch(informers);
  informers.start(signal);
  await informers.waitForSync(signal);
  const wait = (what: string, read: () => boolean): Promise<boolean> =>
    until(informers, what, kinds, read, PATIENCE_MS);

  const holders = (): (string | undefined)[] =>
    NAMES.map((name) => informers.lister(Leases).get(`kube-system/${name}`)?.spec?.holderIdentity);
  await wait("somebody leads", () => holders().every((holder) => (holder ?? "") !== ""));
  assert.deepEqual(
    [await first.leads(), await second.leads()],
    [
      [true, true],
      [false, false],
    ],
  );
  const before = holders();

  const addresses = (): string =>
    (informers.lister(Endpoints).get(kubernetes)?.subsets ?? [])
      .flatMap(({ addresses: all }) => (all ?? []).map(({ ip }) => ip))
      .join();
  await wait("both are endpoints", () => addresses() === ADVERTISED.join());
  for (const [writer, reader] of [
    [first, second],
    [second, first],
  ] as const) {
    const metadata = { namespace: "default", name: writer === first ? "one" : "two" };
    await writer.client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata }, signal);
    assert.equal((await reader.client.get(ConfigMaps, metadata, signal)).metadata.name, metadata.name);
  }

  await createNode(first, signal);
  const errors: string[] = [];
  runKubelet(second.client, informers, { isPaused: false, hasScheduler: true }, errors, signal);
  await createWork(first, signal);
  const isAt = (image: string): boolean => {
    const pods = informers
      .lister(Pods)
      .list("default")
      .filter((pod) => controllerOf(pod)?.kind === "ReplicaSet");
    const isRight = (pod: Pod): boolean => isPodReady(pod) && pod.spec?.containers[0]?.image === image;
    const { updatedReplicas, availableReplicas } =
      informers.lister(Deployments).get("default/web")?.status ?? {};
    const counts = [pods.length, updatedReplicas, availableReplicas];
    return pods.every(isRight) && counts.every((count) => count === REPLICAS);
  };
  await wait("v1 runs", () => isAt("v1"));

  const jobSpec = { completions: COMPLETIONS, parallelism: PARALLELISM, completionMode: "Indexed" };
  const jobTemplate = { spec: { ...template("v1").spec, restartPolicy: "Never" } };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: work,
    spec: { ...jobSpec, template: jobTemplate },
  };
  const jobStatus = () => informers.lister(Jobs).get("default/work")?.status;
  const updated = (): number =>
    informers.lister(Deployments).get("default/web")?.status?.updatedReplicas ?? 0;
  const inTheMiddle = wait("the rollout and the Job are in their middle", () => {
    const generation = informers.lister(Deployments).get("default/web")?.status?.observedGeneration ?? 0;
    return generation > 1 && updated() >= 3 && (jobStatus()?.succeeded ?? 0) >= 3;
  });
  const body = { spec: { template: { spec: { containers: [{ name: "c", image: "v2" }] } } } };
  await first.client.create(Jobs, job as never, signal);
  await first.client.patch(Deployments, web, { type: "strategic", body }, signal);
  await inTheMiddle;
  await first.process.kill();
  const left = [REPLICAS - updated(), COMPLETIONS - (jobStatus()?.succeeded ?? 0)];
  assert.ok(
    left.every((count) => count > 0),
    `nothing is left to do: ${left.join()}`,
  );

  await wait("the other leads", () =>
    holders().every((holder, i) => (holder ?? "") !== "" && holder !== before[i]),
  );
  await wait("v2 runs", () => isAt("v2"));
  await wait(
    "the Job is complete",
    () => jobStatus()?.conditions?.some(({ type }) => type === "Complete") === true,
  );
  assert.deepEqual(await second.leads(), [true, true]);
  const { succeeded, failed, completedIndexes, uncountedTerminatedPods } = jobStatus()!;
  assert.deepEqual(
    { succeeded, failed, completedIndexes, uncountedTerminatedPods, made: watch.made.get("Job")?.size },
    {
      succeeded: 30,
      failed: undefined,
      completedIndexes: "0-29",
      uncountedTerminatedPods: {},
      made: COMPLETIONS,
    },
  );
  assert.deepEqual([watch.broken, errors], [[], []]);
  assert.equal(watch.made.get("ReplicaSet")?.size, 2 * REPLICAS);
  assert.ok(watch.largestTotal() <= REPLICAS + MAX_SURGE, `ReplicaSets of ${watch.largestTotal()} in all`);
  await wait("the survivor is the endpoint", () => addresses() === ADVERTISED[1]);
});
