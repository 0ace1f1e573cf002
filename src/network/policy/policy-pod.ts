/** What network policies need to know of a pod. @module */
import { isDeepStrictEqual } from "node:util";
import type { Pod } from "#api/core/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { ofFamily } from "../address-family.ts";

export interface PolicyPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly isLocal: boolean;
  /** It has the node's address: policies do not apply to it, and the node is not let in for its sake. */
  readonly isHostNetwork: boolean;
  readonly namedPorts: readonly NamedPort[];
}

export interface NamedPort {
  readonly name: string;
  /** In lower case. */
  readonly protocol: string;
  readonly port: number;
}

/** What of a pod decides whether a policy selects it. */
export type Selectable = Pick<PolicyPod, "namespace" | "labels" | "isHostNetwork">;

/** undefined for pods without an address of the family, and for those that ended: another pod may have their address by now. */
export function policyPodOf(pod: Pod, nodeName: string, family: IpFamily = "IPv4"): PolicyPod | undefined {
  const { spec, metadata } = pod;
  const ip = ofFamily(addressesOf(pod), family);
  if (hasEnded(pod) || ip === undefined) return undefined;
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(isSidecar)];
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    labels: metadata.labels ?? {},
    ip,
    isLocal: spec?.nodeName === nodeName,
    isHostNetwork: spec?.hostNetwork === true,
    namedPorts: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol = "TCP", containerPort }) =>
        name === undefined ? [] : [{ name, protocol: protocol.toLowerCase(), port: containerPort }],
      ),
    ),
  };
}

/** A pod of this node that will get an address, or has one that is not known yet. Those of both families come to be known together. */
export function startingPodOf(pod: Pod, nodeName: string): Selectable | undefined {
  const { spec, metadata } = pod;
  if (spec?.nodeName !== nodeName || spec.hostNetwork === true) return undefined;
  if (hasEnded(pod) || addressesOf(pod).length > 0) return undefined;
  return {
    namespace: metadata.namespace ?? "",
    labels: metadata.labels ?? {},
    isHostNetwork: false,
  };
}

/** Most changes of a pod's status are none for its policies. */
export function samePolicyPod(a: Selectable | undefined, b: Selectable | undefined): boolean {
  return isDeepStrictEqual(a, b);
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

function addressesOf({ status }: Pod): readonly string[] {
  return [status?.podIP ?? "", ...(status?.podIPs ?? []).map(({ ip }) => ip)].filter((ip) => ip !== "");
}

function isSidecar({ restartPolicy }: { readonly restartPolicy?: string }): boolean {
  return restartPolicy === "Always";
}
