/** A NetworkPolicy with its selectors and addresses read once. @module */
import { createHash } from "node:crypto";
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "#api/networking/v1/types.gen";
import { parseIpRange } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { labels } from "#apimachinery";
import { isInBlock } from "./matches.ts";
import type { PolicyPod, Selectable } from "./policy-pod.ts";

type Labels = Readonly<Record<string, string>>;

export interface CompiledPolicy {
  /** Names its chains and sets. 64 bits: two policies would have to collide in one cluster. */
  readonly id: string;
  readonly namespace: string;
  readonly podSelector: labels.Selector;
  /** undefined: the policy says nothing about this direction. */
  readonly ingress: readonly CompiledRule[] | undefined;
  readonly egress: readonly CompiledRule[] | undefined;
}

export interface CompiledRule {
  /** undefined: everybody. */
  readonly peers: { readonly pods: readonly PodPeer[]; readonly blocks: readonly AddressBlock[] } | undefined;
  /** undefined: all ports of all protocols. */
  readonly ports: { readonly ranges: readonly PortRange[]; readonly named: readonly PortName[] } | undefined;
}

export interface PodPeer {
  /** undefined: the policy's own namespace. */
  readonly namespaceSelector: labels.Selector | undefined;
  readonly podSelector: labels.Selector;
}

export interface AddressBlock {
  readonly cidr: string;
  readonly except: readonly string[];
}

export interface PortRange {
  /** In lower case. */
  readonly protocol: string;
  /** undefined: every port of the protocol. */
  readonly range: readonly [from: number, to: number] | undefined;
}

export interface PortName {
  readonly protocol: string;
  readonly name: string;
}

/** Blocks of the other family match nothing: they are left out. */
export function compile(policy: NetworkPolicy, family: IpFamily = "IPv4"): CompiledPolicy {
  const { namespace = "", name } = policy.metadata;
  const { podSelector, policyTypes, ingress = [], egress = [] } = policy.spec ?? {};
  const types = policyTypes ?? (egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"]);
  return {
    id: createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, 16),
    namespace,
    podSelector: read(podSelector ?? {}),
    ingress: types.includes("Ingress")
      ? ingress.map(({ from = [], ports = [] }) => compileRule(from, ports, family))
      : undefined,
    egress: types.includes("Egress")
      ? egress.map(({ to = [], ports = [] }) => compileRule(to, ports, family))
      : undefined,
  };
}

/** Whether the plan of the policy can depend on this pod. */
export function concerns(policy: CompiledPolicy, pod: PolicyPod, namespace: Labels | undefined): boolean {
  if (selects(policy, pod)) return true;
  const isPeer = ({ peers, ports }: CompiledRule): boolean => {
    const isNamed = (ports?.named.length ?? 0) > 0;
    if (peers === undefined) return isNamed;
    if (isNamed && peers.blocks.some((block) => isInBlock(pod.ip, block))) return true;
    return peers.pods.some(
      (peer) =>
        isInScope(policy, peer, pod.namespace, namespace) && labels.matches(peer.podSelector, pod.labels),
    );
  };
  return [...(policy.ingress ?? []), ...(policy.egress ?? [])].some(isPeer);
}

/** Whether the plan of the policy depends on the labels of namespaces. */
export function readsNamespaces({ ingress = [], egress = [] }: CompiledPolicy): boolean {
  return [...ingress, ...egress].some(({ peers }) =>
    peers?.pods.some(({ namespaceSelector }) => namespaceSelector !== undefined),
  );
}

export function selects(policy: CompiledPolicy, pod: Selectable): boolean {
  return (
    pod.namespace === policy.namespace && !pod.isHostNetwork && labels.matches(policy.podSelector, pod.labels)
  );
}

/** Whether pods of the namespace, which has these labels, can be meant. */
export function isInScope(
  policy: CompiledPolicy,
  { namespaceSelector }: PodPeer,
  namespace: string,
  set: Labels | undefined,
): boolean {
  if (namespaceSelector === undefined) return namespace === policy.namespace;
  return set !== undefined && labels.matches(namespaceSelector, set);
}

function compileRule(
  peers: readonly NetworkPolicyPeer[],
  ports: readonly NetworkPolicyPort[],
  family: IpFamily,
): CompiledRule {
  return {
    peers: peers.length === 0 ? undefined : compilePeers(peers, family),
    ports: ports.length === 0 ? undefined : compilePorts(ports),
  };
}

function compilePeers(peers: readonly NetworkPolicyPeer[], family: IpFamily): CompiledRule["peers"] {
  return {
    pods: peers.flatMap(({ podSelector, namespaceSelector, ipBlock }) =>
      ipBlock !== undefined
        ? []
        : [
            {
              podSelector: read(podSelector ?? {}),
              namespaceSelector: namespaceSelector === undefined ? undefined : read(namespaceSelector),
            },
          ],
    ),
    blocks: peers.flatMap(({ ipBlock }) => {
      const cidr = ipBlock === undefined ? undefined : canonicalCidr(ipBlock.cidr, family);
      if (cidr === undefined) return [];
      return [{ cidr, except: (ipBlock?.except ?? []).flatMap((text) => canonicalCidr(text, family) ?? []) }];
    }),
  };
}

function compilePorts(ports: readonly NetworkPolicyPort[]): CompiledRule["ports"] {
  const ranges: PortRange[] = [];
  const named: PortName[] = [];
  for (const { protocol: written = "TCP", port, endPort } of ports) {
    const protocol = written.toLowerCase();
    if (typeof port === "string") named.push({ protocol, name: port });
    else ranges.push({ protocol, range: port === undefined ? undefined : [port, endPort ?? port] });
  }
  return { ranges, named };
}

/** Without host bits and leading zeros, which older objects may have; undefined for those of the other family. */
function canonicalCidr(text: string, family: IpFamily): string | undefined {
  const range = parseIpRange(text);
  return range?.family === family ? range.cidr : undefined;
}

/** Objects stored before a rule became stricter may carry a selector that does not parse: it selects nothing. */
function read(selector: labels.LabelSelector): labels.Selector {
  try {
    return labels.fromLabelSelector(selector);
  } catch (err) {
    if (err instanceof labels.SelectorError) return labels.nothing;
    throw err;
  }
}
