/** Rules for questions to the authorizer. @module */
import { field, validateLabelSelector, type ObjectMeta } from "#apimachinery";
import type { FieldSelectorRequirement, LabelSelectorRequirement } from "../../meta/v1/types.gen.ts";
import { each, NONE, type Causes } from "../../validation/common.ts";
import type {
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from "./types.gen.ts";

export function validateSubjectAccessReview({ metadata, spec }: SubjectAccessReview): Causes {
  return [
    ...validateChoice(spec),
    ...validateSubject(spec),
    ...validateSelectors(spec.resourceAttributes),
    ...(isEmpty(metadata) ? NONE : [field.invalid("metadata", metadata, "must be empty")]),
  ];
}

export function validateSelfSubjectAccessReview({ metadata, spec }: SelfSubjectAccessReview): Causes {
  return [
    ...validateChoice(spec),
    ...validateSelectors(spec.resourceAttributes),
    ...(isEmpty(metadata) ? NONE : [field.invalid("metadata", metadata, "must be empty")]),
  ];
}

export function validateLocalSubjectAccessReview({ metadata, spec }: LocalSubjectAccessReview): Causes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const { namespace: own = "", ...rest } = metadata;
  const namespace = resource?.namespace ?? "";
  return [
    ...validateChoice(spec),
    ...validateSubject(spec),
    ...validateSelectors(resource),
    ...(isEmpty(rest) ? NONE : [field.invalid("metadata", metadata, "must be empty except for namespace")]),
    ...(resource !== undefined && namespace !== own
      ? [field.invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")]
      : NONE),
    ...(other === undefined
      ? NONE
      : [field.invalid("spec.nonResourceAttributes", shown(other), "disallowed on this kind of request")]),
  ];
}

/** Reviews are no objects: they have no names. */
function isEmpty(metadata: Partial<ObjectMeta>): boolean {
  return Object.entries(metadata).every(
    ([name, value]) =>
      name === "managedFields" ||
      value === undefined ||
      value === null ||
      value === "" ||
      value === 0 ||
      (typeof value === "object" && Object.keys(value).length === 0),
  );
}

/** As upstream's messages show it. */
function shown({ path = "", verb = "" }: NonResourceAttributes): unknown {
  return { Path: path, Verb: verb };
}

function validateSubject({ user = "", groups = [] }: SubjectAccessReviewSpec): Causes {
  if (user !== "" || groups.length > 0) return NONE;
  return [field.invalid("spec.user", user, "at least one of user or group must be specified")];
}

function validateChoice(spec: SelfSubjectAccessReviewSpec): Causes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const neither = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  const both = "cannot be specified in combination with resourceAttributes";
  return [
    ...(resource !== undefined && other !== undefined
      ? [field.invalid("spec.nonResourceAttributes", shown(other), both)]
      : NONE),
    ...(resource === undefined && other === undefined
      ? [field.invalid("spec.resourceAttributes", other, neither)]
      : NONE),
  ];
}

function validateSelectors({ fieldSelector, labelSelector }: ResourceAttributes = {}): Causes {
  const path = "spec.resourceAttributes";
  return [
    ...(fieldSelector === undefined
      ? NONE
      : validateAttributes(fieldSelector, field.child(path, "fieldSelector"), validateFieldRequirements)),
    ...(labelSelector === undefined
      ? NONE
      : validateAttributes(labelSelector, field.child(path, "labelSelector"), validateLabelRequirements)),
  ];
}

interface Selector<T> {
  readonly rawSelector?: string;
  readonly requirements?: readonly T[];
}

function validateAttributes<T>(
  { rawSelector = "", requirements = [] }: Selector<T>,
  path: string,
  validate: (requirements: readonly T[], path: string) => Causes,
): Causes {
  const at = field.child(path, "requirements");
  const [both, neither] = [
    "may not specified at the same time as requirements",
    `when ${path} is specified, requirements or rawSelector is required`,
  ];
  return [
    ...(rawSelector !== "" && requirements.length > 0
      ? [field.invalid(field.child(path, "rawSelector"), rawSelector, both)]
      : NONE),
    ...(rawSelector === "" && requirements.length === 0 ? [field.required(at, neither)] : NONE),
    ...validate(requirements, at),
  ];
}

/** Operators that are not known yet are left to the authorizers. */
function validateFieldRequirements(requirements: readonly FieldSelectorRequirement[], path: string): Causes {
  return each(requirements, path, ({ key, operator, values = [] }, at) => {
    const valuesPath = field.child(at, "values");
    const [needs, forbids] = [
      ["In", "NotIn"],
      ["Exists", "DoesNotExist"],
    ].map((set) => set.includes(operator));
    return [
      ...(key === "" ? [field.required(field.child(at, "key"), "must be specified")] : NONE),
      ...(needs === true && values.length === 0
        ? [field.required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'")]
        : NONE),
      ...(forbids === true && values.length > 0
        ? [field.forbidden(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        : NONE),
    ];
  });
}

function validateLabelRequirements(requirements: readonly LabelSelectorRequirement[], path: string): Causes {
  return each(requirements, path, (requirement, at) =>
    validateLabelSelector({ matchExpressions: [requirement] }, "")
      .filter((cause) => !cause.field.endsWith(".operator"))
      .map((cause) => ({ ...cause, field: cause.field.replace("matchExpressions[0]", at) })),
  );
}
