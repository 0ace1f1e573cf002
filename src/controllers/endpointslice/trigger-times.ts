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

/** Times as the API writes them, which sort as text: most pods have not changed, and need not be parsed. */
interface Known {
  readonly service: string;
  readonly pods: ReadonlyMap<string, string>;
}

/** Bounded by the services and their pods. */
export class TriggerTimes {
  readonly #known = new Map<ObjectKey, Known>();

  /** The earliest change since the last call, of the service or of a pod's readiness; undefined: neither changed. */
  observe(key: ObjectKey, { metadata }: Service, pods: readonly Pod[]): number | undefined {
    const known = this.#known.get(key);
    const service = metadata.creationTimestamp ?? "";
    const times = new Map(pods.map((pod) => [pod.metadata.name, readySince(pod)]));
    this.#known.set(key, { service, pods: times });
    if (known === undefined) return service === "" ? undefined : parseTime(service);
    const changed = [...times].filter(([name, time]) => time > (known.pods.get(name) ?? ""));
    const all = [...changed.map(([, time]) => time), ...(service > known.service ? [service] : [])];
    return all.length === 0 ? undefined : Math.min(...all.map(parseTime));
  }

  forget(key: ObjectKey): void {
    this.#known.delete(key);
  }
}

function readySince({ status }: Pod): string {
  return status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "";
}
