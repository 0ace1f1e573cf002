/** Kubelets that run nothing: each action moves one pod of one living node one step on. @module */
import { Leases } from "#api/coordination/v1/lease";
import type { Lease } from "#api/coordination/v1/types.gen";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod, PodCondition, PodStatus } from "#api/core/v1/types.gen";
import { isConflict, isNotFound } from "#apimachinery";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export const HEARTBEAT_MS = 10_000;

interface Machine {
  readonly name: string;
  readonly cpu: number;
  isAlive: boolean;
}

export class Kubelets {
  readonly machines: Map<string, Machine> = new Map();
  readonly #world: World;
  readonly #random: Random;
  #lastBeatMs = -Infinity;
  #address = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** A new machine, or one that was lost, registers itself. */
  async join(name: string, cpu: number): Promise<void> {
    this.machines.set(name, { name, cpu, isAlive: true });
    await this.#register(name, cpu);
    await this.#beat(name);
  }

  lose(name: string): void {
    this.machines.get(name)!.isAlive = false;
  }

  async revive(name: string): Promise<void> {
    const machine = this.machines.get(name)!;
    machine.isAlive = true;
    await this.join(name, machine.cpu);
  }

  /** All living nodes report, when it is time. */
  async heartbeat(): Promise<void> {
    if (this.#world.clock.now() - this.#lastBeatMs < HEARTBEAT_MS) return;
    this.#lastBeatMs = this.#world.clock.now();
    for (const { name, isAlive } of this.machines.values()) if (isAlive) await this.#beat(name);
  }

  /** Pods whose kubelet has something to do. */
  actionable(): readonly Pod[] {
    return this.#world.lister(Pods).filter((pod) => {
      const machine = this.machines.get(pod.spec?.nodeName ?? "");
      if (machine?.isAlive !== true) return false;
      // Once the kubelet has let go of it, only finalizers keep it.
      if (pod.metadata.deletionTimestamp !== undefined) return pod.metadata.deletionGracePeriodSeconds !== 0;
      // Somebody else ended it (the pod collector, when its node was gone for a while): its containers are stopped.
      if (isTerminal(pod)) return isReady(pod);
      return pod.status?.phase !== "Running" || !isReady(pod) || isBatch(pod);
    });
  }

  /** What the pod's kubelet does next. Without `faults` every pod does what it was made for. */
  async act(pod: Pod, faults: boolean): Promise<string> {
    const { client, signal } = this.#world;
    const { name, namespace = "", uid = "" } = pod.metadata;
    try {
      if (pod.metadata.deletionTimestamp !== undefined && isTerminal(pod)) {
        await client.delete(Pods, { namespace, name }, signal, {
          gracePeriodSeconds: 0,
          preconditions: { uid },
        });
        return "gone";
      }
      const [what, status] = this.#nextStatus(pod, faults);
      await client.updateStatus(Pods, { ...pod, status }, signal);
      return what;
    } catch (err) {
      if (isNotFound(err) || isConflict(err)) return "too late"; // somebody was faster
      throw err;
    }
  }

  /** A running pod stops being ready, or fails for good. */
  async disturb(pod: Pod): Promise<string> {
    const { client, signal } = this.#world;
    const fails = this.#random.chance(0.3);
    const status = fails ? this.#terminal(pod, "Failed") : this.#running(pod, false);
    await client.updateStatus(Pods, { ...pod, status }, signal);
    return fails ? "failed" : "not ready";
  }

  #nextStatus(pod: Pod, faults: boolean): [string, PodStatus] {
    if (pod.metadata.deletionTimestamp !== undefined) {
      const phase = this.#random.chance(0.5) ? "Succeeded" : "Failed";
      return [`stopped ${phase}`, this.#terminal(pod, isBatch(pod) ? "Failed" : phase)];
    }
    if (isTerminal(pod)) return ["stopped for good", this.#terminal(pod, phaseOf(pod))];
    if (pod.status?.phase !== "Running") return ["running", this.#running(pod, this.#random.chance(0.7))];
    if (!isReady(pod) && !isBatch(pod)) return ["ready", this.#running(pod, true)];
    const phase = faults && this.#random.chance(0.25) ? "Failed" : "Succeeded";
    return [phase, this.#terminal(pod, phase)];
  }

  #running(pod: Pod, ready: boolean): PodStatus {
    const ip = pod.status?.podIP ?? this.#nextAddress();
    const startTime = pod.status?.startTime ?? this.#time();
    return {
      ...pod.status,
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      startTime,
      conditions: this.#conditions(pod, ready),
      containerStatuses: containerStatuses(pod, ready, { running: { startedAt: startTime } }),
    };
  }

  #terminal(pod: Pod, phase: "Succeeded" | "Failed"): PodStatus {
    const exitCode = phase === "Succeeded" ? 0 : 1;
    const at = this.#time();
    return {
      ...pod.status,
      phase,
      conditions: this.#conditions(pod, false),
      containerStatuses: containerStatuses(pod, false, {
        terminated: { exitCode, startedAt: at, finishedAt: at },
      }),
    };
  }

  #conditions(pod: Pod, ready: boolean): readonly PodCondition[] {
    const old = pod.status?.conditions ?? [];
    const status = ready ? "True" : "False";
    const own = ["Ready", "ContainersReady"].map((type): PodCondition => {
      const before = old.find((condition) => condition.type === type);
      if (before?.status === status) return before;
      return { type, status, lastTransitionTime: this.#time() };
    });
    return [...old.filter(({ type }) => type !== "Ready" && type !== "ContainersReady"), ...own];
  }

  async #register(name: string, cpu: number): Promise<void> {
    const { client, signal } = this.#world;
    const node = newNode(name, cpu, this.#time());
    try {
      const { metadata, spec } = await client.get(Nodes, { name }, signal);
      await client.updateStatus(Nodes, { ...node, metadata, ...(spec !== undefined && { spec }) }, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
      const made = await client.create(Nodes, node, signal);
      await client.updateStatus(Nodes, { ...made, status: node.status! }, signal);
    }
  }

  async #beat(name: string): Promise<void> {
    const { client, clock, signal } = this.#world;
    const namespace = "kube-node-lease";
    const renewTime = new Date(clock.now()).toISOString().replace("Z", "000Z");
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
    const metadata = { namespace, name };
    const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
    try {
      await client.patch(Leases, { namespace, name }, { type: "merge", body: { spec } }, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
      await client.create(Leases, lease, signal);
    }
  }

  #time(): string {
    return new Date(this.#world.clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  #nextAddress(): string {
    const n = ++this.#address;
    return `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

function phaseOf(pod: Pod): "Succeeded" | "Failed" {
  return pod.status?.phase === "Succeeded" ? "Succeeded" : "Failed";
}

function isBatch(pod: Pod): boolean {
  return pod.spec?.restartPolicy !== "Always";
}

type ContainerState = NonNullable<NonNullable<PodStatus["containerStatuses"]>[number]["state"]>;

function containerStatuses(
  pod: Pod,
  ready: boolean,
  state: ContainerState,
): NonNullable<PodStatus["containerStatuses"]> {
  return (pod.spec?.containers ?? []).map(({ name, image = "" }) => ({
    name,
    image,
    imageID: "",
    ready,
    restartCount: 0,
    state,
  }));
}

function newNode(name: string, cpu: number, at: string): Node {
  const resources = { cpu: String(cpu), memory: "64Gi", pods: "110" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: at, lastTransitionTime: at }],
    },
  };
}
