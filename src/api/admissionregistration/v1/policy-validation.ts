/** Rules for admission policies. Expressions are checked where they are compiled. @module */
import { field, isDns1035Label, isDns1123Subdomain, isQualifiedName } from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateConditions as validateStatusConditions } from "../../meta/v1/condition-validation.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateMatchResources } from "./match-resources-validation.ts";
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicy,
  Mutation,
  ParamKind,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyStatus,
  Validation,
  Variable,
} from "./types.gen.ts";
import { validateConditions } from "./webhook-validation.ts";

const ANNOTATIONS_MAX = 20;
const VALUE_EXPRESSION_BYTES_MAX = 5 * 1024;
const REASONS: readonly string[] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const RESERVED: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

export function validateValidatingAdmissionPolicy(
  { metadata, spec = {} }: ValidatingAdmissionPolicy,
  old?: ValidatingAdmissionPolicy,
): Causes {
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length + auditAnnotations.length === 0) {
    const message = "validations or auditAnnotations must contain at least one item";
    return [
      ...validateShared(spec, old?.spec),
      field.required("spec.validations", message),
      field.required("spec.auditAnnotations", message),
    ];
  }
  return [
    ...validateShared(spec, old?.spec),
    ...each(validations, "spec.validations", validateValidation),
    ...(auditAnnotations.length > ANNOTATIONS_MAX
      ? [
          field.invalid(
            "spec.auditAnnotations",
            auditAnnotations,
            `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`,
          ),
        ]
      : NONE),
    ...each(auditAnnotations, "spec.auditAnnotations", (annotation, at, i) => [
      ...validateAnnotation(annotation, metadata.name, at),
      ...(auditAnnotations.findIndex(({ key }) => key === annotation.key) < i
        ? [field.duplicate(field.child(at, "key"), annotation.key)]
        : NONE),
    ]),
  ];
}

function validateValidation(validation: Validation, path: string): Causes {
  const { expression, message = "", messageExpression = "", reason } = validation;
  const at = (name: string): string => field.child(path, name);
  return [
    ...(expression.trim() === "" ? [field.required(at("expression"), "expression is not specified")] : NONE),
    ...(messageExpression !== "" && messageExpression.trim() === ""
      ? [field.invalid(at("messageExpression"), messageExpression, "must be non-empty if specified")]
      : NONE),
    ...(message !== "" && message.trim() === ""
      ? [field.invalid(at("message"), message, "must be non-empty if specified")]
      : NONE),
    ...(/[\n\r]/.test(message.trim())
      ? [field.invalid(at("message"), message, "must not contain line breaks")]
      : NONE),
    ...oneOf(reason, REASONS, at("reason")),
  ];
}

function validateAnnotation({ key, valueExpression }: AuditAnnotation, name: string, path: string): Causes {
  const at = field.child(path, "valueExpression");
  const trimmed = valueExpression.trim();
  return [
    ...(name === ""
      ? [field.invalid(field.child(path, "key"), key, "requires metadata.name be non-empty")]
      : obeys(isQualifiedName, `${name}/${key}`, field.child(path, "key"))),
    ...(trimmed === "" ? [field.required(at, "valueExpression is not specified")] : NONE),
    ...(new TextEncoder().encode(trimmed).length > VALUE_EXPRESSION_BYTES_MAX
      ? [field.required(at, `must not exceed ${VALUE_EXPRESSION_BYTES_MAX} bytes in length`)]
      : NONE),
  ];
}

export function validateValidatingAdmissionPolicyStatus({
  status,
}: {
  readonly status?: ValidatingAdmissionPolicyStatus;
}): Causes {
  const path = "status.typeChecking.expressionWarnings";
  return [
    ...each(status?.typeChecking?.expressionWarnings, path, ({ fieldRef, warning }, at) => [
      ...(warning === "" ? [field.required(field.child(at, "warning"))] : NONE),
      ...(fieldRef.trim() === "" ? [field.required(field.child(at, "fieldRef"))] : NONE),
    ]),
    ...validateStatusConditions(status?.conditions, "status.conditions"),
  ];
}

/** Deletes have nothing to change. */
const MUTABLE: readonly string[] = ["*", "CONNECT", "CREATE", "UPDATE"];

export function validateMutatingAdmissionPolicy(
  { spec = {} }: MutatingAdmissionPolicy,
  old?: MutatingAdmissionPolicy,
): Causes {
  const { mutations = [], reinvocationPolicy } = spec;
  return [
    ...validateShared(
      spec,
      old?.spec,
      validateMutableOperations(spec.matchConstraints, "spec.matchConstraints"),
    ),
    ...(mutations.length === 0
      ? [field.required("spec.mutations", "mutations must contain at least one item")]
      : NONE),
    ...each(mutations, "spec.mutations", validateMutation),
    ...(reinvocationPolicy
      ? oneOf(reinvocationPolicy, ["IfNeeded", "Never"], "spec.reinvocationPolicy")
      : [field.required("spec.reinvocationPolicy")]),
  ];
}

export function validateMutableOperations(match: MatchResources | undefined, path: string): Causes {
  const at = `${path}.resourceRules.operations`;
  return (match?.resourceRules ?? []).flatMap(({ operations = [] }) =>
    operations.flatMap((operation) => oneOf(operation, MUTABLE, at)),
  );
}

const PATCHES = { ApplyConfiguration: "applyConfiguration", JSONPatch: "jsonPatch" } as const;

function validateMutation(mutation: Mutation, path: string): Causes {
  const { patchType } = mutation;
  const at = field.child(path, "patchType");
  if (!patchType) return [field.required(at)];
  if (patchType !== "ApplyConfiguration" && patchType !== "JSONPatch") {
    return oneOf(patchType, Object.keys(PATCHES), at);
  }
  const wanted = PATCHES[patchType];
  const other = PATCHES[patchType === "JSONPatch" ? "ApplyConfiguration" : "JSONPatch"];
  const own = mutation[wanted];
  const why = `specified when patchType is ${patchType}`;
  return [
    ...(own === undefined ? [field.required(field.child(path, wanted), `must be ${why}`)] : NONE),
    ...(own !== undefined && (own.expression ?? "").trim() === ""
      ? [field.required(field.child(path, wanted, "expression"))]
      : NONE),
    ...(mutation[other] === undefined
      ? NONE
      : [field.invalid(field.child(path, other), `{${other}}`, `must not be ${why}`)]),
  ];
}

interface Shared {
  readonly paramKind?: ParamKind;
  readonly failurePolicy?: string;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly Variable[];
}

/** `more` is what one of the kinds says of its constraints. Conditions that do not change are not judged again. */
function validateShared(spec: Shared, old: Shared | undefined, more: Causes = NONE): Causes {
  const rules = spec.matchConstraints?.resourceRules ?? [];
  return [
    ...(spec.failurePolicy
      ? oneOf(spec.failurePolicy, ["Fail", "Ignore"], "spec.failurePolicy")
      : [field.required("spec.failurePolicy")]),
    ...(spec.paramKind === undefined ? NONE : validateParamKind(spec.paramKind, "spec.paramKind")),
    ...(spec.matchConstraints === undefined
      ? [field.required("spec.matchConstraints")]
      : validateMatchResources(spec.matchConstraints, "spec.matchConstraints")),
    ...(spec.matchConstraints !== undefined && rules.length === 0
      ? [field.required("spec.matchConstraints.resourceRules")]
      : NONE),
    ...more,
    ...(old !== undefined &&
    semanticEqual(spec.paramKind, old.paramKind) &&
    semanticEqual(spec.matchConditions, old.matchConditions)
      ? NONE
      : validateConditions(spec, "spec.matchConditions")),
    ...each(spec.variables, "spec.variables", validateVariable),
  ];
}

function validateVariable({ name, expression }: Variable, path: string): Causes {
  const at = field.child(path, "name");
  const isIdentifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !RESERVED.has(name);
  return [
    ...(name.trim() === "" ? [field.required(at, "name is not specified")] : NONE),
    ...(name.trim() !== "" && !isIdentifier
      ? [field.invalid(at, name, "must be a valid CEL identifier")]
      : NONE),
    ...(expression.trim() === ""
      ? [field.required(field.child(path, "expression"), "expression is not specified")]
      : NONE),
  ];
}

function validateParamKind({ apiVersion = "", kind = "" }: ParamKind, path: string): Causes {
  const at = field.child(path, "kind");
  const problems = isDns1035Label(kind.toLowerCase());
  return [
    ...validateParamVersion(apiVersion, field.child(path, "apiVersion")),
    ...(kind === "" ? [field.required(at)] : NONE),
    ...(kind !== "" && problems.length > 0
      ? [field.invalid(at, kind, `may have mixed case, but should otherwise match: ${problems.join(",")}`)]
      : NONE),
  ];
}

function validateParamVersion(apiVersion: string, path: string): Causes {
  if (apiVersion === "") return [field.required(path)];
  const parts = apiVersion === "/" ? ["", ""] : apiVersion.split("/");
  if (parts.length > 2) {
    return [field.invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  }
  const [version = "", group = ""] = parts.toReversed();
  const [ofGroup, ofVersion] = [isDns1123Subdomain(group), isDns1035Label(version)];
  return [
    ...(group !== "" && ofGroup.length > 0 ? [field.invalid(path, group, ofGroup.join(","))] : NONE),
    ...(version === "" ? [field.invalid(path, apiVersion, "version must be specified")] : NONE),
    ...(version !== "" && ofVersion.length > 0 ? [field.invalid(path, version, ofVersion.join(","))] : NONE),
  ];
}
