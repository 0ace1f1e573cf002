/** Which kinds a policy is checked against, and whether its status has to be written. Pure. @module */
import { compareStrings, type Kind } from "#apimachinery";
import type { ValidatingAdmissionPolicy } from "#api/admissionregistration/v1/types.gen";

/** Types of one policy; upstream's maxTypesToCheck. */
const KINDS_MAX = 10;

/** A policy that was checked already at this generation is not checked again. */
export function needsCheck({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  return (metadata.generation ?? 0) > (status?.observedGeneration ?? 0);
}

/** The kinds that its rules name, without wildcards and subresources, in order. `kindOf` finds one by its resource. */
export function kindsToCheck(
  { spec }: ValidatingAdmissionPolicy,
  kindOf: (group: string, version: string, plural: string) => Kind | undefined,
): readonly Kind[] {
  const found = new Set<Kind>();
  for (const rule of spec?.matchConstraints?.resourceRules ?? []) {
    const groups = exact(rule.apiGroups);
    const versions = exact(rule.apiVersions);
    const plurals = (rule.resources ?? []).filter((name) => !/[*/]/.test(name)).toSorted(compareStrings);
    for (const group of groups) {
      for (const version of versions) {
        for (const plural of plurals) {
          const kind = kindOf(group, version, plural);
          if (kind !== undefined) found.add(kind);
          if (found.size === KINDS_MAX) return sorted(found);
        }
      }
    }
  }
  return sorted(found);
}

/** A wildcard among them says too much to check. */
function exact(names: readonly string[] = []): readonly string[] {
  return names.some((name) => name.includes("*")) ? [] : names.toSorted(compareStrings);
}

function sorted(kinds: Iterable<Kind>): readonly Kind[] {
  return [...kinds].toSorted(
    (a, b) =>
      compareStrings(a.group, b.group) ||
      compareStrings(a.version, b.version) ||
      compareStrings(a.kind, b.kind),
  );
}
