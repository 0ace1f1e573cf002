/**
 * Probes and hooks of pods in which nothing runs. A simulated pod's address is nobody's, so a connection to it would leave
 * this machine and find no one; such probes and hooks reach the simulated runtime instead, where they succeed.
 * @module
 */
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { WatchEvent } from "#apimachinery";
import type { Request, Transport } from "#client";

const PODS = /\/pods$/;
const NETWORK = ["httpGet", "tcpSocket", "grpc"] as const;
const PROBES = ["livenessProbe", "readinessProbe", "startupProbe"] as const;
const HOOKS = ["postStart", "preStop"] as const;
const SUCCEEDS = { exec: { command: ["true"] } };

type Fields = Readonly<Record<string, unknown>>;

/** What a simulated node's kubelet sees the API through. */
export function withSimulatedProbes(transport: Transport): Transport {
  return {
    async request(request, signal) {
      const response = await transport.request(request, signal);
      const { items } = response.body as { readonly items?: readonly Pod[] };
      if (!isOfPods(request) || items === undefined) return response;
      return { ...response, body: { ...(response.body as Fields), items: items.map(simulatedProbes) } };
    },
    async *watch(request, signal) {
      const isPods = isOfPods(request);
      for await (const event of transport.watch(request, signal)) yield isPods ? simulated(event) : event;
    },
    stream: (request, signal) => transport.stream(request, signal),
  };
}

function isOfPods({ method, path }: Request): boolean {
  return method === "GET" && PODS.test(path);
}

function simulated(event: WatchEvent): WatchEvent {
  if (event.type === "BOOKMARK" || event.type === "ERROR") return event;
  return { ...event, object: simulatedProbes(event.object as Pod) };
}

/** The pod itself when no probe and no hook of it goes over the network. */
export function simulatedProbes(pod: Pod): Pod {
  const { spec } = pod;
  if (spec === undefined) return pod;
  const containers = spec.containers.map(withoutNetwork);
  const initContainers = spec.initContainers?.map(withoutNetwork);
  const isSame =
    containers.every((container, i) => container === spec.containers[i]) &&
    (initContainers ?? []).every((container, i) => container === spec.initContainers![i]);
  if (isSame) return pod;
  return { ...pod, spec: { ...spec, containers, ...(initContainers !== undefined && { initContainers }) } };
}

function withoutNetwork(container: Container): Container {
  const probes = replaced(container as unknown as Fields, PROBES);
  const hooks = replaced((container.lifecycle ?? {}) as Fields, HOOKS);
  if (probes === undefined && hooks === undefined) return container;
  return {
    ...container,
    ...probes,
    ...(hooks !== undefined && { lifecycle: { ...container.lifecycle, ...hooks } }),
  };
}

/** Those of the named actions that use the network, made to use none; undefined when there are none. */
function replaced(holder: Fields, names: readonly string[]): Fields | undefined {
  const found = names.flatMap((name): readonly [string, unknown][] => {
    const action = holder[name] as Fields | undefined;
    if (action === undefined || !NETWORK.some((network) => network in action)) return [];
    const others = Object.entries(action).filter(
      ([key]) => !NETWORK.includes(key as (typeof NETWORK)[number]),
    );
    return [[name, { ...Object.fromEntries(others), ...SUCCEEDS }]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}
