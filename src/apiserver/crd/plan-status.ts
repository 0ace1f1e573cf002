/** What a definition's status should say: accepted names, and whether it is established; upstream's naming, establishing, API approval and non-structural-schema controllers. Pure. @module */
import { jsonEqual, quote } from "#apimachinery";
import { approvalState, isProtectedGroup } from "#api/apiextensions/v1/approval";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "#api/apiextensions/v1/types.gen";
import { validateStructural } from "#api/apiextensions/v1/validate-structural";
import {
  findCondition,
  isConditionTrue,
  withCondition,
  withoutCondition,
  type NewCondition,
} from "./conditions.ts";

/** The same object when nothing changes. `others`: every other definition. */
export function planStatus(
  crd: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  nowMs: number,
): CustomResourceDefinition {
  return planApproval(planStructure(planNames(crd, others, nowMs), nowMs), nowMs);
}

function planNames(
  crd: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  nowMs: number,
): CustomResourceDefinition {
  const accepted = crd.status?.acceptedNames ?? { plural: "", kind: "" };
  if (jsonEqual(crd.spec.names, accepted) && isConditionTrue(crd, "Established")) return crd;
  const { names, conflict } = acceptNames(crd.spec.names, accepted, takenNames(crd, others));
  const condition: NewCondition =
    conflict === undefined
      ? { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" }
      : { type: "NamesAccepted", status: "False", ...conflict };
  const named = jsonEqual(accepted, names)
    ? crd
    : { ...crd, status: { ...crd.status, acceptedNames: names } };
  return planEstablished(withCondition(named, condition, nowMs), nowMs);
}

/** Once established, always: objects may be there. */
function planEstablished(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinition {
  if (isConditionTrue(crd, "Established")) return crd;
  const established: NewCondition = isConditionTrue(crd, "NamesAccepted")
    ? {
        type: "Established",
        status: "True",
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
      }
    : { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" };
  return withCondition(crd, established, nowMs);
}

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

function takenNames({ spec }: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): Taken {
  const names = others
    .filter((other) => other.spec.group === spec.group)
    .flatMap((other) => other.status?.acceptedNames ?? []);
  const resources = names.flatMap(({ plural, singular, shortNames }) => [
    plural,
    singular ?? "",
    ...(shortNames ?? []),
  ]);
  const kinds = names.flatMap(({ kind, listKind }) => [kind, listKind ?? ""]);
  return { resources: new Set(resources.filter(Boolean)), kinds: new Set(kinds.filter(Boolean)) };
}

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

/** Each name by itself: what is free is taken, what is not keeps what was accepted before. The last conflict is told. */
function acceptNames(
  wanted: CustomResourceDefinitionNames,
  accepted: CustomResourceDefinitionNames,
  { resources, kinds }: Taken,
): { readonly names: CustomResourceDefinitionNames; readonly conflict: Conflict | undefined } {
  const names: { -readonly [K in keyof CustomResourceDefinitionNames]: CustomResourceDefinitionNames[K] } = {
    ...accepted,
  };
  let conflict: Conflict | undefined;
  const accept = (
    key: "plural" | "singular" | "kind" | "listKind",
    reason: string,
    taken: ReadonlySet<string>,
  ): void => {
    const name = wanted[key] ?? "";
    if (name !== (accepted[key] ?? "") && taken.has(name)) conflict = { reason, message: inUse(name) };
    else if (wanted[key] !== undefined) names[key] = name;
  };
  accept("plural", "PluralConflict", resources);
  accept("singular", "SingularConflict", resources);
  const own = new Set(accepted.shortNames);
  const clashes = (wanted.shortNames ?? []).filter((name) => !own.has(name) && resources.has(name));
  if (clashes.length > 0) conflict = { reason: "ShortNamesConflict", message: aggregate(clashes.map(inUse)) };
  else if (wanted.shortNames !== undefined) names.shortNames = wanted.shortNames;
  else delete names.shortNames;
  accept("kind", "KindConflict", kinds);
  accept("listKind", "ListKindConflict", kinds);
  if (wanted.categories !== undefined) names.categories = wanted.categories;
  else delete names.categories;
  return { names, conflict };
}

function inUse(name: string): string {
  return `${quote(name)} is already in use`;
}

function aggregate(messages: readonly string[]): string {
  return messages.length === 1 ? messages[0]! : `[${messages.join(", ")}]`;
}

/** Only definitions from before structural schemas were demanded can break them. */
function planStructure(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinition {
  const violations = crd.spec.versions.flatMap(({ schema }, i) => {
    const path = `spec.versions[${i}].schema.openAPIV3Schema`;
    return schema?.openAPIV3Schema === undefined ? [] : validateStructural(schema.openAPIV3Schema, path);
  });
  if (violations.length === 0) return withoutCondition(crd, "NonStructuralSchema");
  const message = aggregate(violations.map((cause) => `${cause.field}: ${cause.message}`));
  return withCondition(
    crd,
    { type: "NonStructuralSchema", status: "True", reason: "Violations", message },
    nowMs,
  );
}

/** Groups of the project say with which approval their types were made. */
function planApproval(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinition {
  const type = "KubernetesAPIApprovalPolicyConformant";
  if (!isProtectedGroup(crd.spec.group))
    return findCondition(crd, type) === undefined ? crd : withoutCondition(crd, type);
  const { state, message } = approvalState(crd.metadata.annotations);
  const status = state === "approved" ? "True" : "False";
  const reasons = {
    approved: "ApprovedAnnotation",
    bypassed: "UnapprovedAnnotation",
    invalid: "InvalidAnnotation",
    missing: "MissingAnnotation",
  } as const;
  return withCondition(crd, { type, status, reason: reasons[state], message }, nowMs);
}
