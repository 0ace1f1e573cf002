/** What the node has and does at the moment that somebody asks, with upstream's names. @module */
import type { Gauge } from "#component-base";
import type { Pod } from "#api/core/v1/types.gen";
import { ephemeralContainersOf, isStaticPod } from "../container/pod-spec.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import type { WorkingPods } from "../pod-workers/pod-workers.ts";
import { MetricFactory } from "./metric-factory.ts";

export interface NodeGauges {
  readonly nodeName: string;
  readonly runtimePods: readonly RuntimePod[];
  readonly pods: readonly Pod[];
  /** Those that hold resources of the node. */
  readonly activePods: readonly Pod[];
  readonly details?: NodeDetails | undefined;
}

export interface NodeDetails {
  readonly workingPods: readonly WorkingPods[];
  readonly mirrorPods: number;
  /** Certificates of pods by signer and state. */
  readonly certificates: readonly {
    readonly signer: string;
    readonly state: string;
    readonly count: number;
  }[];
  /** By plugin. */
  readonly volumes: {
    readonly actual: ReadonlyMap<string, number>;
    readonly desired: ReadonlyMap<string, number>;
  };
  /** By reason. */
  readonly pendingResizes: ReadonlyMap<string, number>;
  readonly resizesInProgress: number;
}

const CONTAINER_STATES = ["created", "running", "exited", "unknown"] as const;
const LIFECYCLES = ["sync", "terminating", "terminated"] as const;

export function nodeGaugesText(node: NodeGauges, cgroupVersion: 1 | 2 | undefined): Promise<string> {
  const make = new MetricFactory();
  const gauge = (name: string, help: string, ...labels: readonly string[]): Gauge =>
    make.gauge(`kubelet_${name}`, help, ...labels);
  const { runtimePods, pods, activePods, details } = node;
  const running = runtimePods.filter((pod) => pod.sandboxes.some((s) => s.ready)).length;
  gauge("running_pods", "Pods that have a running pod sandbox").set(running);
  const containers = gauge("running_containers", "Containers by state", "container_state");
  for (const state of CONTAINER_STATES) {
    const count = runtimePods.flatMap((pod) => pod.containers).filter((c) => c.state === state).length;
    containers.set({ container_state: state }, count);
  }
  setByStatic(gauge("desired_pods", "Pods that the node is asked to run", "static"), pods);
  setByStatic(gauge("active_pods", "Pods that hold resources", "static"), activePods);
  const ephemeral = pods.reduce((sum, pod) => sum + ephemeralContainersOf(pod).length, 0);
  gauge("managed_ephemeral_containers", "Ephemeral containers of the node's pods").set(ephemeral);
  gauge("node_name", "The node's name; the count is always 1", "node").set({ node: node.nodeName }, 1);
  gauge("metrics_provider", "Who measures containers", "provider").set({ provider: "cri" }, 1);
  if (cgroupVersion !== undefined)
    gauge("cgroup_version", "Version of the machine's cgroups").set(cgroupVersion);
  if (details !== undefined) setDetails(make, gauge, details);
  return make.registry.metrics();
}

function setDetails(
  make: MetricFactory,
  gauge: (name: string, help: string, ...labels: readonly string[]) => Gauge,
  { workingPods, mirrorPods, certificates, volumes, pendingResizes, resizesInProgress }: NodeDetails,
): void {
  setWorking(
    gauge(
      "working_pods",
      "Pods that kubelet works on, by what it does and who knows them",
      "lifecycle",
      "config",
      "static",
    ),
    workingPods,
  );
  gauge("mirror_pods", "Mirrors of static pods in the API").set(mirrorPods);
  const states = gauge("podcertificate_states", "Certificates of pods", "signer_name", "state");
  for (const { signer, state, count } of certificates) states.set({ signer_name: signer, state }, count);
  const plugins = make.gauge(
    "volume_manager_total_volumes",
    "Volumes of pods by plugin",
    "plugin_name",
    "state",
  );
  for (const state of ["actual", "desired"] as const)
    for (const [plugin_name, count] of volumes[state])
      plugins.set({ plugin_name, state: `${state}_state_of_world` }, count);
  const pending = gauge("pod_pending_resizes", "Resizes of pods that wait, by why", "reason");
  for (const [reason, count] of pendingResizes) pending.set({ reason: reason.toLowerCase() }, count);
  gauge("pod_in_progress_resizes", "Resizes of pods that are being carried out").set(resizesInProgress);
}

/** Every combination that there can be, also those of which there are none. */
function setWorking(gauge: Gauge, pods: readonly WorkingPods[]): void {
  for (const lifecycle of LIFECYCLES) {
    for (const config of ["desired", "orphan"] as const)
      for (const isStatic of [true, false])
        gauge.set({ lifecycle, config, static: isStatic ? "true" : "" }, 0);
    gauge.set({ lifecycle, config: "runtime_only", static: "unknown" }, 0);
  }
  for (const { lifecycle, config, isStatic } of pods) {
    const known = isStatic ? "true" : "";
    gauge.inc({ lifecycle, config, static: config === "runtime_only" ? "unknown" : known });
  }
}

function setByStatic(gauge: Gauge, pods: readonly Pod[]): void {
  const ours = pods.filter(isStaticPod).length;
  gauge.set({ static: "" }, pods.length - ours);
  gauge.set({ static: "true" }, ours);
}
