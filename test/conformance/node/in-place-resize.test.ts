/** Containers get other resources while they run: their status tells it, and so do their cgroups. */
import assert from "node:assert/strict";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import type { Container, ContainerResizePolicy, Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { compareQuantity, parseQuantity, quantityMilliValue, quantityValue } from "#apimachinery";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, inside, statusOf, untilReady } from "./running-pods.ts";

const RESTART: readonly ContainerResizePolicy[] = [
  { resourceName: "cpu", restartPolicy: "NotRequired" },
  { resourceName: "memory", restartPolicy: "RestartContainer" },
];

interface Resize {
  readonly name: string;
  readonly before: ResourceRequirements;
  readonly after: ResourceRequirements;
  readonly resizePolicy?: readonly ContainerResizePolicy[];
  readonly restarts?: number;
}

function container({ name, before, resizePolicy }: Resize): Container {
  return idle(name, { resources: before, ...(resizePolicy !== undefined && { resizePolicy }) });
}

function both(cpu: string, memory: string, cpuLimit = cpu, memoryLimit = memory): ResourceRequirements {
  return { requests: { cpu, memory }, limits: { cpu: cpuLimit, memory: memoryLimit } };
}

/** Resolves once every container has what it was given, by the status; then looks into the cgroups. */
async function expectResized(t: ContainersContext, pod: Pod, resizes: readonly Resize[]): Promise<Pod> {
  const ref = { namespace: t.namespace, name: pod.metadata.name };
  const { generation = 0 } = pod.metadata;
  const resized = await t.waitFor(Pods, ref, (now) => {
    const { conditions = [], observedGeneration = 0 } = now?.status ?? {};
    const isPending = conditions.some(({ type }) => type.startsWith("PodResize"));
    const isReady = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    if (isPending || !isReady || observedGeneration < generation) return false;
    return resizes.every(({ name, after, restarts = 0 }) => {
      const { resources, allocatedResources, restartCount } = statusOf(now!, name);
      return (
        restartCount === restarts &&
        same(resources?.requests, after.requests) &&
        same(resources?.limits, after.limits) &&
        same(allocatedResources, after.requests)
      );
    });
  });
  for (const { name, after } of resizes) {
    const found = resized.spec?.containers.find((one) => one.name === name);
    assert.ok(same(found?.resources?.requests, after.requests), name);
    await expectCgroup(t, ref.name, name, after);
  }
  assert.equal(resized.status?.qosClass, pod.status?.qosClass, "a resize does not change the class");
  return resized;
}

type Amounts = Readonly<Record<string, string>>;

function same(a: Amounts = {}, b: Amounts = {}): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every(
    (n) => compareQuantity(parseQuantity(a[n] ?? "0"), parseQuantity(b[n] ?? "0")) === 0,
  );
}

/** What the kernel has for the container: version 1 or 2 of its files. */
async function expectCgroup(
  t: ContainersContext,
  pod: string,
  name: string,
  { requests = {}, limits = {} }: ResourceRequirements,
): Promise<void> {
  const script = [
    "cd /sys/fs/cgroup; if [ -e cpu.max ]; then v=2; cat memory.max cpu.max cpu.weight; else v=1;",
    "cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares; fi; echo $v",
  ].join(" ");
  const [memory = "", quota = "", weight = "", version = ""] = (await inside(t, pod, name, script))
    .trim()
    .split("\n");
  const { memory: memoryLimit, cpu: cpuLimit } = limits;
  if (memoryLimit !== undefined) assert.equal(Number(memory), bytes(memoryLimit), `${name}: memory limit`);
  if (cpuLimit !== undefined) {
    const wanted = Math.max(milli(cpuLimit) * 100, 1000);
    assert.equal(Number.parseInt(quota, 10), wanted, `${name}: cpu quota`);
  }
  const shares = Math.max(2, Math.floor((milli(requests["cpu"] ?? cpuLimit ?? "0") * 1024) / 1000));
  if (version === "1") assert.equal(Number(weight), shares, `${name}: cpu shares`);
}

function bytes(quantity: string): number {
  return quantityValue(parseQuantity(quantity));
}

function milli(quantity: string): number {
  return quantityMilliValue(parseQuantity(quantity));
}

async function resize(t: ContainersContext, pod: Pod, resizes: readonly Resize[]): Promise<Pod> {
  const containers = resizes.map(({ name, after }) => ({ name, resources: after }));
  const ref = { namespace: t.namespace, name: pod.metadata.name };
  const body = { spec: { containers } };
  return t.client.patch(Pods, ref, { type: "strategic", body }, t.signal, { subresource: "resize" });
}

const SIX: readonly Resize[] = [
  { name: "more", before: both("20m", "32Mi", "40m", "64Mi"), after: both("30m", "40Mi", "60m", "80Mi") },
  { name: "less-cpu", before: both("40m", "32Mi", "60m", "64Mi"), after: both("20m", "32Mi", "30m", "64Mi") },
  {
    name: "less-memory",
    before: both("20m", "48Mi", "40m", "96Mi"),
    after: both("20m", "32Mi", "40m", "64Mi"),
    resizePolicy: RESTART,
    restarts: 1,
  },
  {
    name: "adds-limits",
    before: { requests: { cpu: "20m", memory: "32Mi" } },
    after: both("20m", "32Mi", "50m", "64Mi"),
  },
  { name: "adds-requests", before: {}, after: { requests: { cpu: "15m", memory: "24Mi" } } },
  { name: "stays", before: both("20m", "32Mi", "40m", "64Mi"), after: both("20m", "32Mi", "40m", "64Mi") },
];

conformance(
  "[sig-node] Pod InPlace Resize Container burstable pods - extended 6 containers - various operations performed (including adding limits and requests)",
  { containers: true },
  async (t) => {
    await createPod(t, "six", { containers: SIX.map(container) });
    const running = await untilReady(t, "six");
    await expectResized(
      t,
      running,
      SIX.map((one) => ({ ...one, after: one.before, restarts: 0 })),
    );
    const ids = new Map(SIX.map(({ name }) => [name, statusOf(running, name).containerID]));
    const asked = await resize(t, running, SIX);
    assert.equal(asked.metadata.generation, running.metadata.generation! + 1);
    const resized = await expectResized(t, asked, SIX);
    for (const { name, restarts = 0 } of SIX) {
      const isSame = statusOf(resized, name).containerID === ids.get(name);
      assert.equal(isSame, restarts === 0, `${name} ${restarts === 0 ? "goes on" : "starts anew"}`);
    }
    await t.untilList("the events of the resize", Events, (events) => {
      const reasons = events
        .filter(({ involvedObject }) => involvedObject.name === "six")
        .map(({ reason }) => reason);
      return reasons.includes("ResizeStarted") && reasons.includes("ResizeCompleted");
    });
  },
);

conformance(
  "[sig-node] Pod InPlace Resize Container burstable pods - extended resize with equivalents",
  { containers: true },
  async (t) => {
    // The kernel gives no container less than 2 shares, or than 10 thousandths of a processor.
    const resizes = [
      { name: "c", before: both("2m", "32Mi", "10m", "64Mi"), after: both("1m", "32Mi", "5m", "64Mi") },
      { name: "d", before: both("20m", "32Mi", "40m", "64Mi"), after: both("20m", "32Mi", "40m", "64Mi") },
    ];
    await createPod(t, "tiny", { containers: resizes.map(container) });
    const running = await untilReady(t, "tiny");
    const asked = await resize(t, running, resizes);
    await expectResized(t, asked, resizes);
  },
);

conformance(
  "[sig-node] Pod InPlace Resize Container resize pod via the replace endpoint",
  { containers: true },
  async (t) => {
    const resizes: readonly Resize[] = [
      { name: "c", before: both("20m", "32Mi", "40m", "64Mi"), after: both("30m", "40Mi", "60m", "80Mi") },
    ];
    await createPod(t, "replaced", { containers: resizes.map(container) });
    const running = await untilReady(t, "replaced");
    const containers = running.spec!.containers.map((one) => ({ ...one, resources: resizes[0]!.after }));
    const asked = await replace(t, { ...running, spec: { ...running.spec!, containers } });
    await expectResized(t, asked, resizes);
    const { resourceVersion: _old, ...metadata } = asked.metadata;
    const other = { ...asked, metadata, spec: { ...asked.spec!, activeDeadlineSeconds: 600 } };
    const answer = await replace(t, other);
    assert.equal(answer.spec?.activeDeadlineSeconds, undefined, "nothing else is changed by it");
  },
);

async function replace(t: ContainersContext, pod: Pod): Promise<Pod> {
  const path = `/api/v1/namespaces/${t.namespace}/pods/${pod.metadata.name}/resize`;
  const headers = { "content-type": "application/json" };
  const answer = await t.http({ method: "PUT", path, headers, body: JSON.stringify(pod) });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
  return answer.json() as Pod;
}
