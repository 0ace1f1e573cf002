/** Answers who holds which devices, by plugins and by claims. @module */
import type { TokenBucket } from "#apimachinery";
import type { Container, Pod } from "#api/core/v1/types.gen";
import { RuntimeError } from "#cri";
import { containersOf, initContainersOf, isRestartableInit, uidOf } from "../container/pod-spec.ts";
import type { DeviceManager } from "../devicemanager/device-manager.ts";
import type { DeviceMetrics, PodResourcesMethod } from "../devicemanager/device-metrics.ts";
import { NO_NUMA_NODE } from "../devicemanager/pod-devices.ts";
import type { UnaryHandler } from "../devicemanager/unix-server.ts";
import type { DRAManager } from "../dra/dra-manager.ts";

export interface PodResourcesOptions {
  readonly devices: Pick<DeviceManager, "devicesOf" | "allocatable" | "freeUnused">;
  readonly dra: Pick<DRAManager, "claimsOf">;
  readonly activePods: () => readonly Pod[];
  readonly pods: () => readonly Pod[];
  readonly metrics: DeviceMetrics;
  readonly limiter: Pick<TokenBucket, "allow">;
}

interface ContainerDevices {
  readonly resourceName: string;
  readonly deviceIds: readonly string[];
  readonly topology?: { readonly nodes: readonly { readonly id: number }[] };
}

const VERSION = { server_api_version: "v1" };
const ALPHA_VERSION = { server_api_version: "v1alpha1" };

/** Of v1, by method of `PodResourcesLister`. */
export function podResourcesHandlers(options: PodResourcesOptions): Readonly<Record<string, UnaryHandler>> {
  const { devices, activePods, pods, metrics, limiter } = options;
  const counted = (method: PodResourcesMethod, answer: (request: object) => object): UnaryHandler => {
    // oxlint-disable-next-line typescript/require-await -- a promise by contract
    return async (request) => {
      admit(limiter);
      metrics.requests.inc(VERSION);
      metrics.requestsOf[method].inc(VERSION);
      try {
        return answer(request);
      } catch (err) {
        metrics.errorsOf[method].inc(VERSION);
        throw err;
      }
    };
  };
  return {
    List: counted("list", () => {
      devices.freeUnused();
      return { podResources: activePods().map((pod) => resourcesOf(options, pod)) };
    }),
    GetAllocatableResources: counted("get_allocatable", () => ({
      devices: [...devices.allocatable()].flatMap(([resource, list]) =>
        list.flatMap(({ id, topology }) =>
          perNode(
            resource,
            id,
            topology?.nodes.map((node) => node.id),
          ),
        ),
      ),
    })),
    Get: counted("get", (request) => {
      const { podName, podNamespace } = request as { podName: string; podNamespace: string };
      const pod = pods().find(
        ({ metadata }) => metadata.name === podName && metadata.namespace === podNamespace,
      );
      if (pod === undefined)
        throw new RuntimeError("Unknown", `pod ${podName} in namespace ${podNamespace} not found`);
      return { podResources: resourcesOf(options, pod) };
    }),
  };
}

/** Of v1alpha1: devices of plugins, of containers that are no init containers. By method. */
export function podResourcesAlphaHandlers(
  options: PodResourcesOptions,
): Readonly<Record<string, UnaryHandler>> {
  const { devices, pods, metrics, limiter } = options;
  return {
    // oxlint-disable-next-line typescript/require-await -- a promise by contract
    async List() {
      admit(limiter);
      metrics.requests.inc(ALPHA_VERSION);
      devices.freeUnused();
      const podResources = pods().map((pod) => ({
        name: pod.metadata.name,
        namespace: pod.metadata.namespace ?? "",
        containers: containersOf(pod).map(({ name }) => ({
          name,
          devices: devicesOf(devices, uidOf(pod), name),
        })),
      }));
      return { podResources };
    },
  };
}

function admit(limiter: PodResourcesOptions["limiter"]): void {
  if (!limiter.allow()) throw new RuntimeError("ResourceExhausted", "rejected by rate limit");
}

/** Sidecars are told of, init containers that end are not. */
function resourcesOf({ devices, dra }: PodResourcesOptions, pod: Pod): object {
  const { name, namespace = "" } = pod.metadata;
  const containers = [...initContainersOf(pod).filter(isRestartableInit), ...containersOf(pod)];
  return {
    name,
    namespace,
    containers: containers.map((container) => ({
      name: container.name,
      devices: devicesOf(devices, uidOf(pod), container.name),
      dynamicResources: dynamicResourcesOf(dra, pod, container),
    })),
  };
}

function devicesOf(
  devices: PodResourcesOptions["devices"],
  podUid: string,
  container: string,
): readonly ContainerDevices[] {
  return [...devices.devicesOf(podUid, container)].flatMap(([resource, allocation]) =>
    [...allocation.devices].flatMap(([node, ids]) =>
      ids.flatMap((id) => perNode(resource, id, node === NO_NUMA_NODE ? undefined : [node])),
    ),
  );
}

/** All devices of each claim that the container uses any part of. */
function dynamicResourcesOf(
  dra: PodResourcesOptions["dra"],
  pod: Pod,
  container: Container,
): readonly object[] {
  return dra.claimsOf(pod, container).map(({ name, namespace, drivers }) => ({
    claimName: name,
    claimNamespace: namespace,
    claimResources: [...drivers].flatMap(([driverName, prepared]) =>
      prepared.map(({ poolName, deviceName, cdiDeviceIds, shareId }) => ({
        cdiDevices: cdiDeviceIds.map((id) => ({ name: id })),
        driverName,
        poolName,
        deviceName,
        ...(shareId !== "" && { shareId }),
      })),
    ),
  }));
}

function perNode(
  resourceName: string,
  id: string,
  nodes: readonly number[] | undefined,
): readonly ContainerDevices[] {
  if (nodes === undefined) return [{ resourceName, deviceIds: [id] }];
  return nodes.map((node) => ({ resourceName, deviceIds: [id], topology: { nodes: [{ id: node }] } }));
}
