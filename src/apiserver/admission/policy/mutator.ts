/** A MutatingAdmissionPolicy compiled, and what its mutations make of an object; upstream's `patch.Patcher`. @module */
import {
  applyJsonPatch,
  mergeConfiguration,
  messageOf,
  StatusError,
  type JsonObject,
  type KubeObject,
  type MutableJsonObject,
  type Schema,
} from "#apimachinery";
import { lookup } from "#api";
import { listOf, StructValue, toJson, type CelType, type CelValue } from "#apimachinery/cel";
import type { MutatingAdmissionPolicy, Mutation } from "#api/admissionregistration/v1/types.gen";
import type { ServedResource } from "../../registry/served-resource.ts";
import { complete, patchProblem } from "../webhook/complete.ts";
import { JSON_PATCH_TYPE, OBJECT_TYPE } from "#api/admissionregistration/v1/policy-environment";
import { CONDITION_TYPES, newConditions, type Conditions } from "./conditions.ts";
import { evaluateAll, POLICY_COST_MAX, type EvaluationInput } from "./evaluation.ts";
import {
  PolicyCompiler,
  type Expression,
  type Variable,
} from "#api/admissionregistration/v1/policy-compiler";
import { newMatcher, type Matcher } from "./match-resources.ts";

export interface Mutator {
  readonly kind: "ApplyConfiguration" | "JSONPatch";
  readonly expression: Expression;
}

export interface MutatingPolicy {
  readonly matcher: Matcher;
  readonly conditions: Conditions;
  readonly variables: readonly Variable[];
  readonly mutators: readonly Mutator[];
  readonly failurePolicy: string;
}

/** The mutation could not be made: the failure policy decides. */
export class MutationError extends Error {}

export function compileMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): MutatingPolicy {
  const { paramKind, variables = [], mutations = [], matchConditions = [] } = spec;
  const compiler = new PolicyCompiler({ hasParams: paramKind !== undefined, hasPatchTypes: true });
  for (const { name, expression } of variables) compiler.declare(name, expression);
  return {
    matcher: newMatcher(spec.matchConstraints ?? {}),
    conditions: newConditions(
      matchConditions,
      (source) => compiler.compile(source, CONDITION_TYPES),
      compiler.variables,
      spec.failurePolicy,
    ),
    variables: compiler.variables,
    mutators: mutations.flatMap((mutation) => mutatorOf(mutation, compiler)),
    failurePolicy: spec.failurePolicy ?? "Fail",
  };
}

export const MUTATION_TYPES: Readonly<Record<Mutator["kind"], readonly CelType[]>> = {
  ApplyConfiguration: [OBJECT_TYPE],
  JSONPatch: [listOf(JSON_PATCH_TYPE)],
};

function mutatorOf(mutation: Mutation, compiler: PolicyCompiler): readonly Mutator[] {
  const { patchType, applyConfiguration, jsonPatch } = mutation;
  const kind = patchType === "JSONPatch" ? "JSONPatch" : "ApplyConfiguration";
  const source = (kind === "JSONPatch" ? jsonPatch : applyConfiguration)?.expression;
  return source === undefined ? [] : [{ kind, expression: compiler.compile(source, MUTATION_TYPES[kind]) }];
}

/** The object as it is stored, after one mutation. Throws MutationError, StatusError, OutOfBudget and what the authorizer throws. */
export function mutate(
  { kind, expression }: Mutator,
  variables: readonly Variable[],
  input: EvaluationInput,
  served: ServedResource,
): KubeObject {
  if (typeof expression.program === "string") throw new MutationError(expression.program);
  const [outcome] = evaluateAll([expression], variables, input, POLICY_COST_MAX).outcomes;
  if (outcome === undefined || "error" in outcome) throw new MutationError(outcome?.error ?? "");
  const shown = input.object!;
  const { objectKind } = input.attributes;
  const changed =
    kind === "JSONPatch"
      ? jsonPatched(shown, outcome.value)
      : merged(shown, outcome.value, schemaOf(served, input));
  const { object, unknownFields } = complete(served, objectKind, changed);
  if (unknownFields.length === 0) return object;
  const list = unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`).join(", ");
  throw new StatusError("InternalError", `Internal error occurred: strict decoding error: ${list}`);
}

function schemaOf(
  { custom, schema }: ServedResource,
  { attributes: { objectKind } }: EvaluationInput,
): Schema | undefined {
  if (objectKind !== undefined) return lookup(objectKind);
  return custom?.schema ?? schema;
}

function merged(shown: KubeObject, value: CelValue, schema: Schema | undefined): KubeObject {
  if (schema === undefined)
    throw new MutationError("error applying patch: the type of the object is not known");
  checkTypeNames(value, OBJECT_TYPE.name);
  const { apiVersion, kind } = shown;
  const applied = { ...(toJson(value) as JsonObject), apiVersion, kind };
  try {
    return mergeConfiguration(shown as unknown as JsonObject, applied, schema) as unknown as KubeObject;
  } catch (cause) {
    throw new MutationError(`error applying patch: ${messageOf(cause)}`, { cause });
  }
}

/** `Object.spec{…}` stands in the field `spec` and nowhere else. */
function checkTypeNames(value: CelValue, path: string): void {
  const errors = typeNameErrors(value, path);
  if (errors.length > 0) throw new MutationError(`type mismatch: ${errors.join("\n")}`);
}

function typeNameErrors(value: CelValue, path: string): readonly string[] {
  if (Array.isArray(value))
    return (value as readonly CelValue[]).flatMap((item) => typeNameErrors(item, path));
  if (!(value instanceof StructValue)) return [];
  const { name } = value.celType;
  const own =
    name === path
      ? []
      : [
          `unexpected type name "${name}", expected "${path}", which matches field name path from root Object type`,
        ];
  const fields = Array.from(value.keys(), (key) =>
    typeNameErrors(value.find(key)!, `${path}.${key as string}`),
  );
  return [...own, ...fields.flat()];
}

const TEST_FAILED = /test failed$/;

/** A failed test leaves the object as it is. */
function jsonPatched(shown: KubeObject, value: CelValue): KubeObject {
  const operations = (value as readonly CelValue[]).map(operationOf);
  try {
    return applyJsonPatch(shown, operations) as KubeObject;
  } catch (cause) {
    const why = patchProblem(cause);
    if (TEST_FAILED.test(why)) return shown;
    throw new MutationError(`JSON Patch: ${why}`, { cause });
  }
}

function operationOf(value: CelValue): JsonObject {
  if (!(value instanceof StructValue))
    throw new MutationError("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch");
  const operation: MutableJsonObject = { op: "", path: "" };
  for (const key of value.keys()) {
    const part = value.find(key)!;
    if (key === "value" && part instanceof StructValue) checkTypeNames(part, part.celType.name);
    operation[key as string] = toJson(part);
  }
  return operation;
}
