/** Extended resources that devices back (KEP-5004): what a pod asks for by amount, as a ResourceClaim that only the scheduler makes. Pure. @module */
import type { Container, ContainerExtendedResourceRequest, Pod } from "#api/core/v1/types.gen";
import {
  EXTENDED_RESOURCE_CLAIM,
  isDeviceResource,
  type ClassOfResource,
} from "#api/resource/v1/extended-resource-classes";
import type { DeviceRequest, ResourceClaim } from "#api/resource/v1/types.gen";
import { compareStrings } from "#apimachinery";
import { numberOf, type Resources } from "../../cache/resources.ts";

/** Of what a pod owns: the claim of an earlier attempt. */
export function extendedClaimOf(owned: readonly ResourceClaim[]): ResourceClaim | undefined {
  return owned.find(({ metadata }) => metadata.annotations?.[EXTENDED_RESOURCE_CLAIM] === "true");
}

/** Whether there are devices behind anything that the pod asks for. */
export function asksForDevices({ scalar }: Readonly<Resources>, classOf: ClassOfResource): boolean {
  if (scalar === undefined) return false;
  return [...scalar].some(
    ([name, amount]) => amount !== 0 && isDeviceResource(name) && classOf(name) !== undefined,
  );
}

/** The resources that a node has as devices only; undefined: it lacks one altogether. */
export function resourcesOfDevices(
  { scalar }: Readonly<Resources>,
  allocatable: Readonly<Resources>,
  classOf: ClassOfResource,
): readonly string[] | undefined {
  const names: string[] = [];
  for (const [name, amount] of scalar ?? []) {
    if (amount === 0 || !isDeviceResource(name)) continue;
    const has = allocatable.scalar?.get(name);
    if (!has && classOf(name) !== undefined) names.push(name);
    else if (has === undefined) return undefined;
  }
  return names;
}

/** Not written yet: its name and its uid are none of the API's. */
export function newExtendedClaim({ metadata }: Pod, requests: readonly DeviceRequest[]): ResourceClaim {
  const { name, namespace = "", uid = "" } = metadata;
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      name: "<extended-resources>",
      generateName: `${name}-extended-resources-`,
      namespace,
      uid: `${uid}/extended-resources`,
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid, controller: true }],
      annotations: { [EXTENDED_RESOURCE_CLAIM]: "true" },
    },
    spec: { devices: { requests } },
  };
}

export interface RequestsAndMappings {
  readonly requests: readonly DeviceRequest[];
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/** What the containers ask of `resources`. Init containers that end use the devices of those that come after them first. */
export function requestsAndMappings(
  { spec }: Pod,
  resources: readonly string[],
  classOf: ClassOfResource,
): RequestsAndMappings {
  const init = spec?.initContainers ?? [];
  const containers = [...init, ...(spec?.containers ?? [])];
  const isShort = (i: number): boolean => i < init.length && containers[i]!.restartPolicy !== "Always";
  const requests: DeviceRequest[] = [];
  const mappings: ContainerExtendedResourceRequest[] = [];
  for (const resource of resources.toSorted(compareStrings)) {
    const deviceClass = classOf(resource);
    if (deviceClass === undefined) continue;
    const asked = askOf(containers, isShort, resource, deviceClass.metadata.name);
    requests.push(...asked.requests);
    mappings.push(...asked.mappings);
  }
  return { requests: requests.toSorted((a, b) => compareStrings(a.name, b.name)), mappings };
}

interface Asked {
  /** undefined: those of others are enough, or nothing is asked for. */
  readonly request: DeviceRequest | undefined;
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

function askOf(
  containers: readonly Container[],
  isShort: (i: number) => boolean,
  resource: string,
  className: string,
): RequestsAndMappings {
  const ask = (i: number, reusable: readonly (DeviceRequest | undefined)[]): Asked =>
    askOfContainer(containers[i]!, i, resource, className, reusable);
  const long = containers.map((_, i) => (isShort(i) ? NOTHING : ask(i, [])));
  const longRequests = long.map(({ request }) => request);
  const short = containers.map((_, i) => (isShort(i) ? ask(i, longRequests.slice(i)) : NOTHING));
  // they run one after another: the largest request serves all of them
  const shortRequests = short.flatMap(({ request }) => request ?? []);
  const largest = shortRequests.reduce<DeviceRequest | undefined>(
    (most, request) => (most === undefined || countOf(most) < countOf(request) ? request : most),
    undefined,
  );
  const names = new Set(shortRequests.map(({ name }) => name));
  const shortMappings = short
    .flatMap(({ mappings }) => mappings)
    .map((own) => (names.has(own.requestName) ? { ...own, requestName: largest!.name } : own));
  return {
    requests: [largest, ...longRequests].filter((request) => request !== undefined),
    mappings: [...long.flatMap(({ mappings }) => mappings), ...shortMappings],
  };
}

const NOTHING: Asked = { request: undefined, mappings: [] };

function countOf({ exactly }: DeviceRequest): number {
  return exactly?.count ?? 0;
}

function askOfContainer(
  { name: containerName, resources }: Container,
  index: number,
  resourceName: string,
  deviceClassName: string,
  reusable: readonly (DeviceRequest | undefined)[],
): Asked {
  const wanted = resources?.requests ?? {};
  const amount = wanted[resourceName] === undefined ? 0 : numberOf(wanted[resourceName], 1);
  if (amount === 0) return NOTHING;
  const mappings: ContainerExtendedResourceRequest[] = [];
  let sum = 0;
  for (const request of reusable) {
    if (request === undefined) continue;
    sum += countOf(request);
    mappings.push({ containerName, resourceName, requestName: request.name });
    if (sum >= amount) return { request: undefined, mappings };
  }
  const place = Object.keys(wanted).toSorted(compareStrings).indexOf(resourceName);
  const name = `container-${index}-request-${place}`;
  const exactly = { deviceClassName, allocationMode: "ExactCount", count: amount - sum };
  mappings.push({ containerName, resourceName, requestName: name });
  return { request: { name, exactly }, mappings };
}
