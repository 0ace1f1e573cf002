/** Which pods a pod is one of, by the Services and the controller that select it; upstream's `helper.DefaultSelector`. @module */
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import { Services } from "#api/core/v1/service";
import { controllerOf, labels, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory } from "#client";
import type { PodInfo } from "../cache/pod-info.ts";

/** undefined: nothing selects the pod. Equal for pods of one group. */
export type DefaultSelector = (pod: PodInfo) => labels.Selector | undefined;

/** Groups of pods whose selector is remembered; then it is forgotten for all of them. */
const REMEMBERED_MAX = 1_000;

export function defaultSelector(informers: InformerFactory): DefaultSelector {
  const services = informers.lister(Services);
  const replicationControllers = informers.lister(ReplicationControllers);
  const replicaSets = informers.lister(ReplicaSets);
  const statefulSets = informers.lister(StatefulSets);
  const known = new Map<string, labels.Selector>();
  forgetOnChange(informers, Services, ({ spec }) => spec?.selector, known);
  forgetOnChange(informers, ReplicationControllers, ({ spec }) => spec?.selector, known);
  forgetOnChange(informers, ReplicaSets, ({ spec }) => spec?.selector, known);
  forgetOnChange(informers, StatefulSets, ({ spec }) => spec?.selector, known);

  const ofServices = ({ namespace, labels: own }: PodInfo): labels.Selector => {
    const matching = services
      .list(namespace)
      .map(({ spec }) => spec?.selector)
      .filter((selector) => selector !== undefined)
      .filter((selector) => Object.entries(selector).every(([key, value]) => own[key] === value));
    return labels.fromSet(Object.assign({}, ...matching) as labels.Labels);
  };
  const ofOwner = ({ namespace, pod }: PodInfo): labels.Selector => {
    const owner = controllerOf(pod);
    const key = `${namespace}/${owner?.name ?? ""}`;
    switch (`${owner?.apiVersion} ${owner?.kind}`) {
      case "v1 ReplicationController":
        return labels.fromSet(replicationControllers.get(key)?.spec?.selector);
      case "apps/v1 ReplicaSet":
        return labels.fromLabelSelector(replicaSets.get(key)?.spec?.selector ?? {});
      case "apps/v1 StatefulSet":
        return labels.fromLabelSelector(statefulSets.get(key)?.spec?.selector ?? {});
      default:
        return labels.everything;
    }
  };
  return (pod) => {
    let selector = known.get(pod.groupKey);
    if (selector === undefined) {
      selector = labels.add(ofServices(pod), ...ofOwner(pod).requirements);
      if (known.size >= REMEMBERED_MAX) known.clear();
      known.set(pod.groupKey, selector);
    }
    return labels.isEverything(selector) ? undefined : selector;
  };
}

function forgetOnChange<T extends KubeObject>(
  informers: InformerFactory,
  kind: Kind<T>,
  selectorOf: (object: T) => unknown,
  known: Map<string, unknown>,
): void {
  const forget = (): void => known.clear();
  informers.informer(kind).addEventHandler({
    onAdd: forget,
    onUpdate(object, old) {
      if (JSON.stringify(selectorOf(object)) !== JSON.stringify(selectorOf(old))) forget();
    },
    onDelete: forget,
  });
}
