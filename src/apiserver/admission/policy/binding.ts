/** Whether a binding is about a request: it may narrow what its policy matches. @module */
import type { KubeObject } from "#apimachinery";
import type { MatchResources } from "#api/admissionregistration/v1/types.gen";
import type { Attributes } from "../plugin.ts";
import type { InvocationFacts } from "../webhook/invocation.ts";
import { matchedVersion, newMatcher, type Matcher } from "./match-resources.ts";

interface Binding extends KubeObject {
  readonly spec?: { readonly matchResources?: MatchResources };
}

/** By the object itself: a binding that changed is another object. */
const matchers = new WeakMap<Binding, Matcher>();

/** Throws a StatusError. */
export async function bindingMatches(
  binding: Binding,
  object: KubeObject | undefined,
  attributes: Attributes,
  facts: InvocationFacts,
): Promise<boolean> {
  const spec = binding.spec?.matchResources;
  if (spec === undefined) return true;
  const matcher = matchers.get(binding) ?? newMatcher(spec);
  matchers.set(binding, matcher);
  return (await matchedVersion(matcher, object, attributes, facts)) !== undefined;
}
