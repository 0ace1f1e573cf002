/** Which pods stand behind a service and where they can be reached: what Endpoints and EndpointSlices share. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Pod, Service, ServicePort } from "#api/core/v1/types.gen";
import type { Lister, SharedInformer } from "#client";
import type { ControllerContext } from "#controller-runtime";
import { ensureIndex } from "./indexes.ts";
import { isPodReady, isPodTerminal, podIPs } from "#api/core/v1/pod-state";
import { equalJSON } from "./template-hash.ts";

export const HEADLESS_LABEL = "service.kubernetes.io/headless";

const BY_LABEL = "controllers/label";
const BY_SELECTOR = "controllers/selector";

/** Finds pods by service and services by pod without looking at every pair. */
export interface ServicePods {
  readonly podsOf: (service: Service) => readonly Pod[];
  /** Keys of the services for which a change of this pod matters. */
  readonly servicesOf: (
    pod: Pod,
    old: Pod | undefined,
    change: "add" | "update" | "delete",
  ) => readonly ObjectKey[];
  /** Keys of the services that select the pod as it is. */
  readonly servicesSelecting: (pod: Pod) => readonly ObjectKey[];
}

export function servicePods({ informers }: ControllerContext): ServicePods {
  const podInformer = informers.informer(Pods);
  const serviceInformer = informers.informer(Services);
  ensureIndex(podInformer, BY_LABEL, ({ metadata }) =>
    Object.entries(metadata.labels ?? {}).map((label) => indexValue(metadata.namespace, label)),
  );
  ensureIndex(serviceInformer, BY_SELECTOR, (service) => {
    const first = firstSelector(service);
    return first === undefined ? [] : [indexValue(service.metadata.namespace, first)];
  });
  const servicesSelecting = (pod: Pod): readonly ObjectKey[] => selecting(serviceInformer, pod).map(keyOf);
  return {
    podsOf: (service) => podsOf(podInformer.lister, service),
    servicesOf: (pod, old, change) => {
      if (change === "update" && old !== undefined && !matters(pod, old)) return [];
      const before =
        old === undefined || equalJSON(old.metadata.labels, pod.metadata.labels)
          ? []
          : servicesSelecting(old);
      return [...new Set([...servicesSelecting(pod), ...before])];
    },
    servicesSelecting,
  };
}

/** A service is found by one of its labels, the first in order; the others are compared. */
function firstSelector(service: Service): readonly [string, string] | undefined {
  return Object.entries(service.spec?.selector ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))[0];
}

function indexValue(namespace: string | undefined, [key, value]: readonly [string, string]): string {
  return `${namespace}/${key}=${value}`;
}

function selecting({ lister }: SharedInformer<Service>, pod: Pod): readonly Service[] {
  const candidates = Object.entries(pod.metadata.labels ?? {}).flatMap((label) =>
    lister.byIndex(BY_SELECTOR, indexValue(pod.metadata.namespace, label)),
  );
  return candidates.filter((service) => selects(service, pod));
}

/** An empty selector selects every pod of the namespace; an absent one is not ours to follow. */
function podsOf(lister: Lister<Pod>, service: Service): readonly Pod[] {
  const first = firstSelector(service);
  if (first === undefined) return lister.list(service.metadata.namespace);
  const candidates = lister.byIndex(BY_LABEL, indexValue(service.metadata.namespace, first));
  return candidates.filter((pod) => selects(service, pod));
}

function selects(service: Service, { metadata }: KubeObject): boolean {
  return Object.entries(service.spec?.selector ?? {}).every(
    ([key, value]) => metadata.labels?.[key] === value,
  );
}

function matters(pod: Pod, old: Pod): boolean {
  return !equalJSON(visibleOf(pod), visibleOf(old));
}

/** Everything of a pod that shows in an endpoint. */
function visibleOf(pod: Pod): unknown {
  const { metadata, spec } = pod;
  const isTerminating = metadata.deletionTimestamp !== undefined;
  const state = [isTerminating, isPodReady(pod), isPodTerminal(pod), podIPs(pod)];
  return [metadata.uid, metadata.labels, spec?.nodeName, spec?.hostname, spec?.subdomain, ...state];
}

/** Whether the pod is an endpoint at all, ready or not. */
export function isEndpoint(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod) || podIPs(pod).length === 0) return false;
  return includeTerminating || pod.metadata.deletionTimestamp === undefined;
}

/** The pod's own DNS name under the service, for headless services. */
export function hostnameOf(pod: Pod, service: Service): string | undefined {
  const hostname = pod.spec?.hostname ?? "";
  return hostname !== "" && pod.spec?.subdomain === service.metadata.name ? hostname : undefined;
}

/** A number is taken as it is; a name is looked up in the pod's containers. Undefined: this pod has no such port. */
export function targetPortOf(pod: Pod, port: ServicePort): number | undefined {
  const { targetPort = port.port, protocol = "TCP" } = port;
  if (typeof targetPort === "number") return targetPort === 0 ? port.port : targetPort;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const named = [...(pod.spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find((candidate) => candidate.name === targetPort && (candidate.protocol ?? "TCP") === protocol);
  return named?.containerPort;
}

/** No virtual address: clients talk to the pods themselves. */
export function isHeadless(service: Service): boolean {
  const ip = service.spec?.clusterIP ?? "";
  return ip === "" || ip === "None";
}

export function isFamily(ip: string, family: string): boolean {
  return ip.includes(":") === (family === "IPv6");
}
