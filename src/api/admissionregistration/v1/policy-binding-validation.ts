/** Rules for the bindings of admission policies. @module */
import { field, isDns1123Subdomain, isPathSegmentName, validateLabelSelector } from "#apimachinery";
import { each, NONE, obeys, oneOf, requiredName, type Causes } from "../../validation/common.ts";
import { validateMatchResources } from "./match-resources-validation.ts";
import { validateMutableOperations } from "./policy-validation.ts";
import type {
  MatchResources,
  MutatingAdmissionPolicyBinding,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from "./types.gen.ts";

const ACTIONS: readonly string[] = ["Audit", "Deny", "Warn"];

export function validateValidatingAdmissionPolicyBinding({ spec }: ValidatingAdmissionPolicyBinding): Causes {
  const { validationActions: actions = [] } = (spec ?? {}) as Partial<typeof spec>;
  const path = "spec.validationActions";
  const both = actions.includes("Deny") && actions.includes("Warn");
  return [
    ...validateShared(spec ?? {}),
    ...each(actions, path, (action, at, i) => [
      ...oneOf(action, ACTIONS, at),
      ...(actions.indexOf(action) < i ? [field.duplicate(at, action)] : NONE),
    ]),
    ...(both
      ? [
          field.invalid(
            path,
            actions,
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
          ),
        ]
      : NONE),
    ...(actions.length === 0 ? [field.required(path, "at least one validation action is required")] : NONE),
  ];
}

export function validateMutatingAdmissionPolicyBinding({
  spec = {},
}: MutatingAdmissionPolicyBinding): Causes {
  return [...validateShared(spec), ...validateMutableOperations(spec.matchResources, "spec.matchResources")];
}

interface Shared {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
}

function validateShared({ policyName, paramRef, matchResources }: Shared): Causes {
  return [
    ...requiredName(isDns1123Subdomain, policyName, "spec.policyName"),
    ...(paramRef === undefined ? NONE : validateParamRef(paramRef, "spec.paramRef")),
    ...(matchResources === undefined ? NONE : validateMatchResources(matchResources, "spec.matchResources")),
  ];
}

function validateParamRef(
  { name = "", selector, parameterNotFoundAction: action }: ParamRef,
  path: string,
): Causes {
  const both = name !== "" && selector !== undefined;
  const exclusive = "name and selector are mutually exclusive";
  return [
    ...(name === "" ? NONE : obeys(isPathSegmentName, name, field.child(path, "name"))),
    ...(both ? [field.forbidden(field.child(path, "name"), exclusive)] : NONE),
    ...validateLabelSelector(selector, field.child(path, "selector")),
    ...(both ? [field.forbidden(field.child(path, "selector"), exclusive)] : NONE),
    ...(name === "" && selector === undefined
      ? [field.required(path, "one of name or selector must be specified")]
      : NONE),
    ...(action
      ? oneOf(action, ["Deny", "Allow"], field.child(path, "parameterNotFoundAction"))
      : [field.required(field.child(path, "parameterNotFoundAction"))]),
  ];
}
