/**
 * Turns `matchLabelKeys` and `mismatchLabelKeys` of a new pod into requirements on the values that this pod has, so that
 * nobody after the API server needs to know of them (KEP-3243, KEP-3633).
 * @module
 */
import type { LabelSelector } from "../../meta/v1/types.gen.ts";
import type { PodAffinity, PodAffinityTerm, PodSpec } from "./types.gen.ts";

type Labels = Readonly<Record<string, string>>;

export function withMatchLabelKeys(spec: PodSpec, labels: Labels): PodSpec {
  const { topologySpreadConstraints: constraints, affinity } = spec;
  const spreads = constraints?.some((c) => (c.matchLabelKeys?.length ?? 0) > 0) ?? false;
  const attracts = affinity?.podAffinity !== undefined || affinity?.podAntiAffinity !== undefined;
  if (!spreads && !attracts) return spec;
  return {
    ...spec,
    ...(constraints !== undefined && {
      topologySpreadConstraints: constraints.map((constraint) =>
        withSelector(constraint, require(constraint.labelSelector, "In", constraint.matchLabelKeys, labels)),
      ),
    }),
    ...(affinity !== undefined && {
      affinity: {
        ...affinity,
        ...(affinity.podAffinity !== undefined && { podAffinity: withTerms(affinity.podAffinity, labels) }),
        ...(affinity.podAntiAffinity !== undefined && {
          podAntiAffinity: withTerms(affinity.podAntiAffinity, labels),
        }),
      },
    }),
  };
}

function withTerms(affinity: PodAffinity, labels: Labels): PodAffinity {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution;
  return {
    ...(required !== undefined && {
      requiredDuringSchedulingIgnoredDuringExecution: required.map((term) => withTerm(term, labels)),
    }),
    ...(preferred !== undefined && {
      preferredDuringSchedulingIgnoredDuringExecution: preferred.map((weighted) => ({
        ...weighted,
        podAffinityTerm: withTerm(weighted.podAffinityTerm, labels),
      })),
    }),
  };
}

function withTerm(term: PodAffinityTerm, labels: Labels): PodAffinityTerm {
  const matched = require(term.labelSelector, "In", term.matchLabelKeys, labels);
  return withSelector(term, require(matched, "NotIn", term.mismatchLabelKeys, labels));
}

function withSelector<T extends { readonly labelSelector?: LabelSelector }>(
  holder: T,
  labelSelector: LabelSelector | undefined,
): T {
  return labelSelector === undefined || labelSelector === holder.labelSelector
    ? holder
    : { ...holder, labelSelector };
}

function require(
  selector: LabelSelector | undefined,
  operator: "In" | "NotIn",
  keys: readonly string[] | undefined,
  labels: Labels,
): LabelSelector | undefined {
  const known = (keys ?? []).filter((key) => Object.hasOwn(labels, key));
  if (selector === undefined || known.length === 0) return selector;
  const added = known.map((key) => ({ key, operator, values: [labels[key]!] }));
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}
