/** Rules for admission policies and bindings. Expressions are checked where they are compiled. @module */
import { field, isDns1123Subdomain, validateLabelSelector } from "#apimachinery";
import { each, NONE, oneOf, requiredName, type Causes } from "../../validation/common.ts";
import { validateOperations, validateRule } from "./rule-validation.ts";
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "./types.gen.ts";
import { validateConditions } from "./webhook-validation.ts";

export function validateValidatingAdmissionPolicy({ spec }: ValidatingAdmissionPolicy): Causes {
  const { validations = [], auditAnnotations = [] } = spec ?? {};
  const isEmpty = validations.length + auditAnnotations.length === 0;
  const message = "validations or auditAnnotations must contain at least one item";
  return [
    ...validateShared(spec ?? {}),
    ...(isEmpty ? [field.required("spec.validations", message)] : NONE),
    ...each(validations, "spec.validations", ({ expression }, at) =>
      expression.trim() === ""
        ? [field.required(field.child(at, "expression"), "expression is not specified")]
        : NONE,
    ),
    ...each(auditAnnotations, "spec.auditAnnotations", ({ key, valueExpression }, at) => [
      ...(key === "" ? [field.required(field.child(at, "key"))] : NONE),
      ...(valueExpression.trim() === ""
        ? [field.required(field.child(at, "valueExpression"), "valueExpression is not specified")]
        : NONE),
    ]),
  ];
}

export function validateMutatingAdmissionPolicy({ spec }: MutatingAdmissionPolicy): Causes {
  const { mutations = [], reinvocationPolicy } = spec ?? {};
  return [
    ...validateShared(spec ?? {}),
    ...(mutations.length === 0
      ? [field.required("spec.mutations", "mutations must contain at least one item")]
      : NONE),
    ...each(mutations, "spec.mutations", ({ patchType }, at) =>
      oneOf(patchType, ["ApplyConfiguration", "JSONPatch"], field.child(at, "patchType")),
    ),
    ...(reinvocationPolicy
      ? oneOf(reinvocationPolicy, ["IfNeeded", "Never"], "spec.reinvocationPolicy")
      : [field.required("spec.reinvocationPolicy")]),
  ];
}

interface Shared {
  readonly paramKind?: ParamKind;
  readonly failurePolicy?: string;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
}

function validateShared(spec: Shared): Causes {
  const rules = spec.matchConstraints?.resourceRules ?? [];
  return [
    ...oneOf(spec.failurePolicy, ["Fail", "Ignore"], "spec.failurePolicy"),
    ...(spec.paramKind === undefined ? NONE : validateParamKind(spec.paramKind, "spec.paramKind")),
    ...(spec.matchConstraints === undefined
      ? [field.required("spec.matchConstraints")]
      : validateMatch(spec.matchConstraints, "spec.matchConstraints")),
    ...(spec.matchConstraints !== undefined && rules.length === 0
      ? [field.required("spec.matchConstraints.resourceRules")]
      : NONE),
    ...validateConditions(spec, "spec.matchConditions"),
  ];
}

function validateParamKind({ apiVersion = "", kind = "" }: ParamKind, path: string): Causes {
  return [
    ...(apiVersion === "" ? [field.required(field.child(path, "apiVersion"))] : NONE),
    ...(kind === "" ? [field.required(field.child(path, "kind"))] : NONE),
  ];
}

function validateMatch(match: MatchResources, path: string): Causes {
  return [
    ...oneOf(match.matchPolicy, ["Equivalent", "Exact"], field.child(path, "matchPolicy")),
    ...validateLabelSelector(match.namespaceSelector, field.child(path, "namespaceSelector")),
    ...validateLabelSelector(match.objectSelector, field.child(path, "objectSelector")),
    ...(["resourceRules", "excludeResourceRules"] as const).flatMap((name) =>
      each(match[name], field.child(path, name), (rule, at) => [
        ...validateOperations(rule, at),
        ...validateRule(rule, at),
      ]),
    ),
  ];
}

const ACTIONS: readonly string[] = ["Audit", "Deny", "Warn"];

export function validatePolicyBinding(
  binding: ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding,
): Causes {
  const { policyName, paramRef, matchResources } = binding.spec ?? {};
  const actions =
    binding.kind === "ValidatingAdmissionPolicyBinding" ? (binding.spec?.validationActions ?? []) : ["Deny"];
  const path = "spec.validationActions";
  const both = actions.includes("Deny") && actions.includes("Warn");
  return [
    ...requiredName(isDns1123Subdomain, policyName, "spec.policyName"),
    ...(paramRef === undefined ? NONE : validateParamRef(paramRef, "spec.paramRef")),
    ...(matchResources === undefined ? NONE : validateMatch(matchResources, "spec.matchResources")),
    ...(actions.length === 0 ? [field.required(path, "at least one validation action is required")] : NONE),
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
  ];
}

function validateParamRef(
  { name = "", selector, parameterNotFoundAction: action }: ParamRef,
  path: string,
): Causes {
  const both = name !== "" && selector !== undefined;
  const neither = name === "" && selector === undefined;
  return [
    ...(both
      ? [field.forbidden(field.child(path, "name"), "name and selector are mutually exclusive")]
      : NONE),
    ...(neither ? [field.required(path, "one of name or selector must be specified")] : NONE),
    ...validateLabelSelector(selector, field.child(path, "selector")),
    ...(action
      ? oneOf(action, ["Allow", "Deny"], field.child(path, "parameterNotFoundAction"))
      : [field.required(field.child(path, "parameterNotFoundAction"))]),
  ];
}
