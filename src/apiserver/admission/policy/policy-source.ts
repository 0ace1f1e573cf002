/** Policies with their bindings, compiled once for each generation and read from the cache: they count with the next request. @module */
import { compareStrings, type KubeObject } from "#apimachinery";
import type { ObjectLookup } from "../object-lookup.ts";

export interface Hook<P, B, C> {
  readonly policy: P;
  readonly bindings: readonly B[];
  readonly compiled: C;
}

interface Bound extends KubeObject {
  readonly spec?: { readonly policyName?: string };
}

interface SourceOptions<P, C> {
  readonly lookup: ObjectLookup;
  /** `admissionregistration.k8s.io/validatingadmissionpolicies` and the like. */
  readonly policies: string;
  readonly bindings: string;
  readonly compile: (policy: P) => C;
}

/** A source of those policies that have a binding; it costs next to nothing while there are none. */
export function policySource<P extends KubeObject, B extends Bound, C>({
  lookup,
  policies,
  bindings,
  compile,
}: SourceOptions<P, C>): () => readonly Hook<P, B, C>[] {
  let compiled: ReadonlyMap<string, C> = new Map();
  let seen:
    | { readonly policies: readonly KubeObject[]; readonly bindings: readonly KubeObject[] }
    | undefined;
  let hooks: readonly Hook<P, B, C>[] = [];
  return () => {
    const allBindings = lookup.list(bindings);
    if (allBindings.length === 0) return [];
    const allPolicies = lookup.list(policies);
    if (seen?.policies === allPolicies && seen.bindings === allBindings) return hooks;
    const byPolicy = grouped(allBindings as readonly B[]);
    const kept = new Map<string, C>();
    hooks = (allPolicies as readonly P[])
      .filter(({ metadata }) => byPolicy.has(metadata.name))
      .toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name))
      .map((policy) => {
        const { uid = "", generation = 0, name } = policy.metadata;
        const key = `${uid} ${generation}`;
        const own = compiled.get(key) ?? compile(policy);
        kept.set(key, own);
        return { policy, bindings: byPolicy.get(name)!, compiled: own };
      });
    compiled = kept;
    seen = { policies: allPolicies, bindings: allBindings };
    return hooks;
  };
}

function grouped<B extends Bound>(bindings: readonly B[]): ReadonlyMap<string, readonly B[]> {
  const sorted = bindings.toSorted((a, b) => compareStrings(a.metadata.name, b.metadata.name));
  return Map.groupBy(sorted, ({ spec }) => spec?.policyName ?? "");
}
