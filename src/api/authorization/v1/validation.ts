/** Rules for questions to the authorizer. @module */
import { field } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type {
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from "./types.gen.ts";

export function validateSubjectAccessReview({ spec }: SubjectAccessReview): Causes {
  return [...validateAttributes(spec), ...validateSubject(spec)];
}

export function validateSelfSubjectAccessReview({ spec }: SelfSubjectAccessReview): Causes {
  return validateAttributes(spec);
}

export function validateSelfSubjectRulesReview({ spec }: SelfSubjectRulesReview): Causes {
  return spec.namespace ? NONE : [field.required("spec.namespace")];
}

export function validateLocalSubjectAccessReview({ metadata, spec }: LocalSubjectAccessReview): Causes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const namespace = resource?.namespace ?? "";
  return [
    ...validateAttributes(spec),
    ...validateSubject(spec),
    ...(resource !== undefined && namespace !== metadata.namespace
      ? [field.invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")]
      : NONE),
    ...(other === undefined
      ? NONE
      : [field.invalid("spec.nonResourceAttributes", other, "disallowed on this kind of request")]),
  ];
}

function validateSubject({ user = "", groups = [] }: SubjectAccessReviewSpec): Causes {
  if (user !== "" || groups.length > 0) return NONE;
  return [field.invalid("spec.user", user, "at least one of user or group must be specified")];
}

function validateAttributes(spec: SelfSubjectAccessReviewSpec): Causes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const neither = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [
    ...(resource !== undefined && other !== undefined
      ? [
          field.invalid(
            "spec.nonResourceAttributes",
            other,
            "cannot be specified in combination with resourceAttributes",
          ),
        ]
      : NONE),
    ...(resource === undefined && other === undefined
      ? [field.invalid("spec.resourceAttributes", other, neither)]
      : NONE),
    ...(resource === undefined ? NONE : validateSelectors(resource)),
  ];
}

function validateSelectors({ fieldSelector, labelSelector }: ResourceAttributes): Causes {
  return (
    [
      ["fieldSelector", fieldSelector],
      ["labelSelector", labelSelector],
    ] as const
  ).flatMap(([name, selector]) => {
    if (selector === undefined) return [];
    const path = `spec.resourceAttributes.${name}`;
    const raw = selector.rawSelector ?? "";
    const count = selector.requirements?.length ?? 0;
    if (raw !== "" && count > 0) {
      return [
        field.invalid(`${path}.rawSelector`, raw, "may not specified at the same time as requirements"),
      ];
    }
    if (raw !== "" || count > 0) return [];
    return [
      field.required(
        `${path}.requirements`,
        `when ${path} is specified, requirements or rawSelector is required`,
      ),
    ];
  });
}
