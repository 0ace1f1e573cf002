/** Rules for NetworkPolicies. @module */
import { field, isPortName, isPortNumber } from "#apimachinery";
import { isValidSelector, validateSelector } from "../../meta/v1/label-selector-validation.ts";
import { warningsForCidr } from "../../validation/address-warnings.ts";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { parseCidr, validCidrLegacy, type ParsedCidr } from "../../validation/ip.ts";
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "./types.gen.ts";

/** What a stored policy got away with before, its successor may keep. */
interface Leniency {
  readonly anyValue: boolean;
  readonly cidrs: readonly string[];
}

export function validateNetworkPolicy({ spec }: NetworkPolicy, old?: NetworkPolicy): Causes {
  const leniency = {
    anyValue: old !== undefined && !isValidSelector(old.spec?.podSelector),
    cidrs:
      old === undefined ? [] : blocksOf(old).flatMap(({ block }) => [block.cidr, ...(block.except ?? [])]),
  };
  const validatePeers = (peers: readonly NetworkPolicyPeer[] | undefined, path: string): Causes =>
    each(peers, path, (peer, at) => validatePeer(peer, leniency, at));
  const types = spec?.policyTypes ?? [];
  return [
    ...validateSelector(spec?.podSelector, "spec.podSelector", leniency.anyValue),
    ...each(spec?.ingress, "spec.ingress", (rule, at) => [
      ...each(rule.ports, field.child(at, "ports"), validatePort),
      ...validatePeers(rule.from, field.child(at, "from")),
    ]),
    ...each(spec?.egress, "spec.egress", (rule, at) => [
      ...each(rule.ports, field.child(at, "ports"), validatePort),
      ...validatePeers(rule.to, field.child(at, "to")),
    ]),
    ...(types.length > 2
      ? [field.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
      : each(types, "spec.policyTypes", (type, at) => oneOf(type, ["Ingress", "Egress"], at))),
  ];
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): Causes {
  const [portPath, endPath] = [field.child(path, "port"), field.child(path, "endPort")];
  const supported = oneOf(protocol, ["TCP", "UDP", "SCTP"], field.child(path, "protocol"));
  if (typeof port === "number") {
    return [
      ...supported,
      ...validateNumber(port, portPath),
      ...(endPort !== undefined && endPort < port
        ? [field.invalid(endPath, port, "must be greater than or equal to `port`")]
        : NONE),
      ...(endPort === undefined ? NONE : validateNumber(endPort, endPath)),
    ];
  }
  const why = port === undefined ? "is not specified" : "is non-numeric";
  return [
    ...supported,
    ...(endPort === undefined
      ? NONE
      : [field.invalid(endPath, endPort, `may not be specified when \`port\` ${why}`)]),
    ...(port === undefined ? NONE : obeys(isPortName, port, portPath)),
  ];
}

const validateNumber = (value: number, at: string): Causes =>
  isPortNumber(value).map((message) => field.invalid(at, value, message));

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  leniency: Leniency,
  path: string,
): Causes {
  const count = [podSelector, namespaceSelector, ipBlock].filter((peer) => peer !== undefined).length;
  return [
    ...validateSelector(podSelector, field.child(path, "podSelector"), leniency.anyValue),
    ...validateSelector(namespaceSelector, field.child(path, "namespaceSelector"), leniency.anyValue),
    ...(ipBlock === undefined ? NONE : validateBlock(ipBlock, leniency.cidrs, field.child(path, "ipBlock"))),
    ...(count === 0 ? [field.required(path, "must specify a peer")] : NONE),
    ...(count > 1 && ipBlock !== undefined
      ? [field.forbidden(path, "may not specify both ipBlock and another peer")]
      : NONE),
  ];
}

function validateBlock({ cidr, except }: IPBlock, known: readonly string[], path: string): Causes {
  const at = field.child(path, "cidr");
  if (cidr === "") return [field.required(at)];
  const whole = parseCidr(cidr);
  return [
    ...validCidrLegacy(cidr, at, known),
    ...each(whole === undefined ? [] : except, field.child(path, "except"), (part, p) => {
      const parsed = parseCidr(part);
      const inside = parsed === undefined || isStrictSubset(parsed, whole!);
      return [
        ...validCidrLegacy(part, p, known),
        ...(inside ? NONE : [field.invalid(p, part, "must be a strict subset of `cidr`")]),
      ];
    }),
  ];
}

function isStrictSubset(part: ParsedCidr, whole: ParsedCidr): boolean {
  if (part.ip.family !== whole.ip.family || whole.prefixLength >= part.prefixLength) return false;
  return part.ip.bytes.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, whole.prefixLength - i * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((whole.ip.bytes[i] ?? 0) & mask);
  });
}

export function networkPolicyWarnings(policy: NetworkPolicy): readonly string[] {
  return blocksOf(policy).flatMap(({ block, path }) => [
    ...warningsForCidr(block.cidr, field.child(path, "cidr")),
    ...(block.except ?? []).flatMap((part, i) =>
      warningsForCidr(part, field.index(field.child(path, "except"), i)),
    ),
  ]);
}

interface PlacedBlock {
  readonly block: IPBlock;
  readonly path: string;
}

function blocksAmong(peers: readonly NetworkPolicyPeer[] | undefined, path: string): readonly PlacedBlock[] {
  return (peers ?? []).flatMap(({ ipBlock: block }, i) =>
    block === undefined ? [] : [{ block, path: field.child(field.index(path, i), "ipBlock") }],
  );
}

function blocksOf({ spec }: NetworkPolicy): readonly PlacedBlock[] {
  return [
    ...(spec?.ingress ?? []).flatMap(({ from }, i) => blocksAmong(from, `spec.ingress[${i}].from`)),
    ...(spec?.egress ?? []).flatMap(({ to }, i) => blocksAmong(to, `spec.egress[${i}].to`)),
  ];
}
