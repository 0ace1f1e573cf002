/** Defaults of a pod as a whole, which templates do not have. @module */
import { aggregateContainerLimits, aggregateContainerRequests, isPodLevelResource } from "./pod-resources.ts";
import type { Container, Pod, PodSpec, ResourceRequirements } from "./types.gen.ts";

export function defaultPod(pod: Pod): Pod {
  if (pod.spec === undefined) return pod;
  return { ...pod, spec: defaultPodSpec(pod.spec) };
}

function defaultPodSpec(spec: PodSpec): PodSpec {
  const account = spec.serviceAccountName || spec.serviceAccount;
  const defaulted: PodSpec = {
    ...spec,
    containers: spec.containers.map((c) => defaultContainer(c, spec.hostNetwork)),
    ...(spec.initContainers !== undefined && {
      initContainers: spec.initContainers.map((c) => defaultContainer(c, spec.hostNetwork)),
    }),
    enableServiceLinks: spec.enableServiceLinks ?? true,
    // Two names for one field; both are always shown.
    ...(account && { serviceAccountName: account, serviceAccount: account }),
  };
  return spec.resources === undefined
    ? defaulted
    : { ...defaulted, resources: defaultPodResources(defaulted) };
}

function defaultContainer(container: Container, hostNetwork: boolean | undefined): Container {
  const limits = container.resources?.limits;
  const needsPorts = hostNetwork === true && container.ports?.some((port) => !port.hostPort);
  if (limits === undefined && !needsPorts) return container;
  return {
    ...container,
    ...(limits !== undefined && {
      resources: { ...container.resources, requests: { ...limits, ...container.resources?.requests } },
    }),
    ...(needsPorts && {
      ports: container.ports!.map((port) =>
        port.hostPort ? port : { ...port, hostPort: port.containerPort },
      ),
    }),
  };
}

/** Requests of the pod: those of its containers where they may be overcommitted, else its limits. */
function defaultPodResources(spec: PodSpec): ResourceRequirements {
  const { limits = {}, requests = {} } = spec.resources ?? {};
  if (Object.keys(limits).length === 0 && Object.keys(requests).length === 0) return spec.resources!;
  const pagesLimits = pick(
    aggregateContainerLimits(spec),
    (name) => isHugePages(name) && !(name in requests),
  );
  const allLimits = { ...pagesLimits, ...limits };
  if (Object.keys(allLimits).length === 0) return spec.resources!;
  const fromContainers = pick(
    aggregateContainerRequests(spec),
    (name) => isPodLevelResource(name) && !isHugePages(name),
  );
  const fromLimits = pick(allLimits, isPodLevelResource);
  return {
    ...spec.resources,
    limits: allLimits,
    requests: { ...fromLimits, ...fromContainers, ...requests },
  };
}

function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

function pick(
  list: Readonly<Record<string, string>>,
  wanted: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(list).filter(([name]) => wanted(name)));
}
