/** The Node object as this kubelet sees it. Pure. @module */
import {
  addQuantity,
  formatQuantity,
  newMilliQuantity,
  newQuantity,
  parseQuantity,
  subQuantity,
} from "#apimachinery";
import type {
  ContainerImage,
  Node,
  NodeAddress,
  NodeRuntimeHandler,
  NodeStatus,
  NodeSystemInfo,
} from "#api/core/v1/types.gen";
import type { Image, RuntimeHandler, VersionResponse } from "#cri";
import { isHugepages } from "../container/hugepages.ts";
import type { Taint } from "../options.ts";
import type { MachineInfo } from "../platform/platform.ts";

export interface NodeFacts {
  readonly nodeName: string;
  readonly hostname: string;
  readonly nodeIPs: readonly string[];
  readonly machine: MachineInfo;
  /** `containerd://1.7.2`. */
  readonly runtimeVersion: string;
  readonly kubeletVersion: string;
  readonly maxPods: number;
  /** Told in the status; -1: all. Default 50. */
  readonly imagesMax?: number;
  /** Of the capacity, what pods do not get. */
  readonly reserved: Readonly<Record<string, string>>;
  readonly port: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podCIDR: string | undefined;
}

type ResourceList = Readonly<Record<string, string>>;

/** As upstream's `nodeStatusMaxImages`, and its limit on names per image. */
const IMAGES_MAX = 50;
const IMAGE_NAMES_MAX = 5;

export function capacityOf({ machine, maxPods }: Pick<NodeFacts, "machine" | "maxPods">): ResourceList {
  const hugepages = Object.entries(machine.hugepages).map(([size, bytes]) => [
    `hugepages-${size}`,
    formatQuantity(newQuantity(bytes, "BinarySI")),
  ]);
  return {
    cpu: formatQuantity(newMilliQuantity(machine.cpus * 1000)),
    "ephemeral-storage": `${Math.floor(machine.ephemeralStorageBytes / 1024)}Ki`,
    ...Object.fromEntries(hugepages),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

export function allocatableOf(capacity: ResourceList, reserved: ResourceList): ResourceList {
  return Object.fromEntries(
    Object.entries(capacity).map(([name, amount]) => {
      const kept = reserved[name];
      if (kept === undefined) return [name, amount];
      const left = subQuantity(parseQuantity(amount), parseQuantity(kept));
      return [name, formatQuantity(left.unscaled < 0n ? newQuantity(0) : left)];
    }),
  );
}

/** What pods can have of it: memory that is bound in huge pages is no memory for others. */
export function nodeAllocatable(capacity: ResourceList, reserved: ResourceList): ResourceList {
  const pages = Object.entries(capacity)
    .filter(([name]) => isHugepages(name))
    .reduce((sum, [, amount]) => addQuantity(sum, parseQuantity(amount)), newQuantity(0));
  const left = allocatableOf(capacity, reserved);
  const memory = subQuantity(parseQuantity(left["memory"] ?? "0"), pages);
  if (pages.unscaled === 0n) return left;
  return { ...left, memory: formatQuantity(memory.unscaled < 0n ? newQuantity(0) : memory) };
}

/** Labels that every node has; the user's win. */
export function nodeLabels(facts: NodeFacts): Readonly<Record<string, string>> {
  const { operatingSystem, architecture } = facts.machine;
  return {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": operatingSystem,
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": facts.hostname,
    "kubernetes.io/os": operatingSystem,
    ...facts.labels,
  };
}

export function newNode(facts: NodeFacts, status: NodeStatus): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: facts.nodeName,
      labels: nodeLabels(facts),
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: {
      ...(facts.taints.length > 0 && { taints: facts.taints }),
      ...(facts.podCIDR !== undefined && { podCIDR: facts.podCIDR, podCIDRs: [facts.podCIDR] }),
    },
    status,
  };
}

export function nodeAddresses({ nodeIPs, hostname }: NodeFacts): readonly NodeAddress[] {
  return [
    ...nodeIPs.map((address) => ({ type: "InternalIP", address })),
    { type: "Hostname", address: hostname },
  ];
}

export function runtimeVersionOf({ runtimeName, runtimeVersion }: VersionResponse): string {
  return `${runtimeName}://${runtimeVersion.replace(/^v/u, "")}`;
}

export function nodeInfo({ machine, runtimeVersion, kubeletVersion }: NodeFacts): NodeSystemInfo {
  const { machineID, systemUUID, bootID, kernelVersion, osImage, operatingSystem, architecture } = machine;
  return {
    machineID,
    systemUUID,
    bootID,
    kernelVersion,
    osImage,
    containerRuntimeVersion: runtimeVersion,
    kubeletVersion,
    kubeProxyVersion: "",
    operatingSystem,
    architecture,
  };
}

/** The largest ones, each with a few names. */
export function nodeImages(
  images: readonly Image[],
  imagesMax: number = IMAGES_MAX,
): readonly ContainerImage[] {
  return images
    .toSorted((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))
    .slice(0, imagesMax < 0 ? images.length : imagesMax)
    .map(({ repoDigests, repoTags, size }) => ({
      names: [...repoDigests, ...repoTags].slice(0, IMAGE_NAMES_MAX),
      sizeBytes: size,
    }));
}

/** What the runtime's handlers can. */
export function nodeHandlers(handlers: readonly RuntimeHandler[]): readonly NodeRuntimeHandler[] {
  return handlers
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, features }) => ({ name, ...(features !== undefined && { features }) }));
}
