/** Expressions of policies and webhooks that do not compile are refused when they are written. @module */
import { field, invalid, jsonEqual, type StatusCause } from "#apimachinery";
import { BOOL, NULL, STRING } from "#apimachinery/cel";
import type {
  MatchCondition,
  MutatingAdmissionPolicy,
  ValidatingAdmissionPolicy,
  Variable,
} from "#api/admissionregistration/v1/types.gen";
import type { AdmissionPlugin } from "../plugin.ts";
import { MUTATING, VALIDATING, type Configuration } from "../webhook/webhook.ts";
import { admissionEnv } from "#api/admissionregistration/v1/policy-environment";
import { CONDITION_TYPES } from "./conditions.ts";
import {
  compileExpression,
  PolicyCompiler,
  type Expression,
} from "#api/admissionregistration/v1/policy-compiler";
import { MUTATION_TYPES } from "./mutator.ts";

const GROUP = "admissionregistration.k8s.io";
const VALIDATING_POLICIES = `${GROUP}/validatingadmissionpolicies`;
const MUTATING_POLICIES = `${GROUP}/mutatingadmissionpolicies`;

type Causes = readonly StatusCause[];

export const expressionCheck: AdmissionPlugin = {
  name: "AdmissionExpressions",
  operations: ["CREATE", "UPDATE"],
  resources: [MUTATING, VALIDATING, VALIDATING_POLICIES, MUTATING_POLICIES],
  validate({ resource, object, oldObject, kind, subresource }) {
    if (subresource !== "" || object === undefined) return;
    const causes =
      resource === VALIDATING_POLICIES
        ? validatingCauses(
            object as ValidatingAdmissionPolicy,
            oldObject as ValidatingAdmissionPolicy | undefined,
          )
        : resource === MUTATING_POLICIES
          ? mutatingCauses(
              object as MutatingAdmissionPolicy,
              oldObject as MutatingAdmissionPolicy | undefined,
            )
          : webhookCauses(object as Configuration, oldObject as Configuration | undefined);
    if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
  },
};

function causeOf({ source, program }: Expression, path: string): Causes {
  return typeof program === "string" ? [field.invalid(path, source, program)] : [];
}

/** They see no variables. */
function conditionCauses(conditions: readonly MatchCondition[], path: string, hasParams: boolean): Causes {
  if (conditions.length === 0) return [];
  const env = admissionEnv({ hasParams, hasAuthorizer: true, hasPatchTypes: false, variables: undefined });
  return conditions.flatMap(({ expression }, i) =>
    causeOf(compileExpression(env, expression.trim(), CONDITION_TYPES), `${path}[${i}].expression`),
  );
}

/** Those of a configuration whose conditions are the same as before are not judged anew. */
function webhookCauses({ webhooks = [] }: Configuration, old: Configuration | undefined): Causes {
  const before = old?.webhooks ?? [];
  const isSame =
    old !== undefined &&
    before.length === webhooks.length &&
    webhooks.every(({ matchConditions = [] }, i) =>
      jsonEqual(matchConditions, before[i]!.matchConditions ?? []),
    );
  if (isSame) return [];
  return webhooks.flatMap(({ matchConditions = [] }, i) =>
    conditionCauses(matchConditions, `webhooks[${i}].matchConditions`, false),
  );
}

type PolicySpec =
  | NonNullable<ValidatingAdmissionPolicy["spec"]>
  | NonNullable<MutatingAdmissionPolicy["spec"]>;

function sharedCauses(spec: PolicySpec, old: PolicySpec | undefined, compiler: PolicyCompiler): Causes {
  const { matchConditions = [], variables = [], paramKind } = spec;
  const isKept =
    old !== undefined &&
    jsonEqual(old.matchConditions ?? [], matchConditions) &&
    jsonEqual(old.paramKind, paramKind);
  return [
    ...(isKept ? [] : conditionCauses(matchConditions, "spec.matchConditions", paramKind !== undefined)),
    ...variables.flatMap(({ name, expression }: Variable, i) =>
      causeOf(compiler.declare(name, expression), `spec.variables[${i}].expression`),
    ),
  ];
}

function validatingCauses(
  { spec = {} }: ValidatingAdmissionPolicy,
  old: ValidatingAdmissionPolicy | undefined,
): Causes {
  const { validations = [], auditAnnotations = [], paramKind } = spec;
  const compiler = new PolicyCompiler({ hasParams: paramKind !== undefined, hasPatchTypes: false });
  return [
    ...sharedCauses(spec, old?.spec, compiler),
    ...validations.flatMap(({ expression, messageExpression = "" }, i) => [
      ...causeOf(compiler.compile(expression, [BOOL]), `spec.validations[${i}].expression`),
      ...(messageExpression.trim() === ""
        ? []
        : causeOf(
            compiler.compile(messageExpression, [STRING], false),
            `spec.validations[${i}].messageExpression`,
          )),
    ]),
    ...auditAnnotations.flatMap(({ valueExpression }, i) =>
      causeOf(
        compiler.compile(valueExpression.trim(), [STRING, NULL]),
        `spec.auditAnnotations[${i}].valueExpression`,
      ),
    ),
  ];
}

function mutatingCauses(
  { spec = {} }: MutatingAdmissionPolicy,
  old: MutatingAdmissionPolicy | undefined,
): Causes {
  const { mutations = [], paramKind } = spec;
  const compiler = new PolicyCompiler({ hasParams: paramKind !== undefined, hasPatchTypes: true });
  return [
    ...sharedCauses(spec, old?.spec, compiler),
    ...mutations.flatMap(({ applyConfiguration, jsonPatch }, i) => [
      ...(applyConfiguration?.expression === undefined
        ? []
        : causeOf(
            compiler.compile(applyConfiguration.expression.trim(), MUTATION_TYPES.ApplyConfiguration),
            `spec.mutations[${i}].applyConfiguration.expression`,
          )),
      ...(jsonPatch?.expression === undefined
        ? []
        : causeOf(
            compiler.compile(jsonPatch.expression.trim(), MUTATION_TYPES.JSONPatch),
            `spec.mutations[${i}].jsonPatch.expression`,
          )),
    ]),
  ];
}
