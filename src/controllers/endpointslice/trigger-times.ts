/** When what a service's endpoints follow last changed: the annotation by which programming latency is measured. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import { formatTime, parseTime } from "#apimachinery";
import type { Pod, Service } from "#api/core/v1/types.gen";

export const TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";

/** The annotation as it is to stand on what is written; a change without a time takes it away. */
export function withTriggerTime<T extends KubeObject>(object: T, triggerMs: number | undefined): T {
  const { [TRIGGER_TIME_ANNOTATION]: _, ...others } = object.metadata.annotations ?? {};
  const time = triggerMs === undefined ? {} : { [TRIGGER_TIME_ANNOTATION]: formatTime(triggerMs) };
  return { ...object, metadata: { ...object.metadata, annotations: { ...others, ...time } } };
}

interface Known {
  readonly serviceMs: number;
  readonly podsMs: ReadonlyMap<string, number>;
}

/** Bounded by the services and their pods. */
export class TriggerTimes {
  readonly #known = new Map<ObjectKey, Known>();

  /** The earliest change since the last call, of the service or of a pod's readiness; undefined: neither changed. */
  observe(key: ObjectKey, service: Service, pods: readonly Pod[]): number | undefined {
    const known = this.#known.get(key);
    const serviceMs = timeMs(service.metadata.creationTimestamp);
    const podsMs = new Map(pods.map((pod) => [pod.metadata.name, readySinceMs(pod)]));
    this.#known.set(key, { serviceMs, podsMs });
    if (known === undefined) return serviceMs === 0 ? undefined : serviceMs;
    const changed = [...podsMs]
      .filter(([name, ms]) => ms > (known.podsMs.get(name) ?? 0))
      .map(([, ms]) => ms);
    if (serviceMs > known.serviceMs) changed.push(serviceMs);
    return changed.length === 0 ? undefined : Math.min(...changed);
  }

  forget(key: ObjectKey): void {
    this.#known.delete(key);
  }
}

function readySinceMs({ status }: Pod): number {
  return timeMs(status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime);
}

function timeMs(time: string | undefined): number {
  return time === undefined ? 0 : parseTime(time);
}
