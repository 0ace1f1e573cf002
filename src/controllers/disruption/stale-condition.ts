/** Pods that were said to be disrupted, and were not: after two minutes the condition says so. @module */
import { formatTime, parseTime, type Kind } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Pod } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";

/** Upstream's `stalePodDisruptionTimeout`. */
const STALE_MS: number = 2 * 60_000;
const TYPE = "DisruptionTarget";
/** The kubelet's own announcement may come long before the pod is deleted. */
const BY_KUBELET = "TerminationByKubelet";

/** In ms from `nowMs`; undefined: the pod has no such condition, or it is true. */
export function staleInMs({ metadata, status }: Pod, nowMs: number): number | undefined {
  const condition = status?.conditions?.find(({ type }) => type === TYPE);
  const { reason, lastTransitionTime } = condition ?? {};
  if (condition?.status !== "True" || reason === BY_KUBELET) return undefined;
  if (metadata.deletionTimestamp !== undefined || isTerminalPhase(status?.phase)) return undefined;
  const sinceMs = lastTransitionTime === undefined ? 0 : parseTime(lastTransitionTime);
  return Math.max(sinceMs + STALE_MS - nowMs, 0);
}

/** Safe on a stale cache: the status is written with the resourceVersion it was read at. */
export function staleDisruptionController({ client, clock, informers }: ControllerContext): Controller {
  const pods = informers.lister(Pods);
  return {
    name: "disruption-controller-stale-pods",
    eventSource: "controllermanager",
    reconciles: Pods as Kind,
    enqueues: (pod) => staleInMs(pod as Pod, clock.now()) !== undefined,
    workers: 1,
    async reconcile(key, signal) {
      const pod = pods.get(key);
      const waitMs = pod === undefined ? undefined : staleInMs(pod, clock.now());
      if (pod === undefined || waitMs === undefined) return {};
      if (waitMs > 0) return { requeueAfterMs: waitMs };
      const lastTransitionTime = formatTime(clock.now());
      const settled = { type: TYPE, status: "False", lastTransitionTime };
      const conditions = pod.status!.conditions!.map((one) => (one.type === TYPE ? settled : one));
      const next = { ...pod, status: { ...pod.status, conditions } };
      await unlessGone(client.updateStatus(Pods, next, signal));
      return {};
    },
  };
}
