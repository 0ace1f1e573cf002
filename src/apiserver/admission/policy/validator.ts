/** A ValidatingAdmissionPolicy compiled, and what it says of one request with one set of parameters; upstream's `validator`. @module */
import { byteLength } from "#apimachinery";
import { BOOL, NULL, STRING } from "#apimachinery/cel";
import type { ValidatingAdmissionPolicy, Validation } from "#api/admissionregistration/v1/types.gen";
import { CONDITION_TYPES, newConditions, type Conditions } from "./conditions.ts";
import {
  evaluateAll,
  OutOfBudget,
  POLICY_COST_MAX,
  type EvaluationInput,
  type Outcome,
} from "./evaluation.ts";
import {
  PolicyCompiler,
  type Expression,
  type Variable,
} from "#api/admissionregistration/v1/policy-compiler";
import { newMatcher, type Matcher } from "./match-resources.ts";

/** Of what a messageExpression gives; upstream's MaxEvaluatedMessageExpressionSizeBytes. */
const MESSAGE_BYTES_MAX = 5 * 1024;

export interface ValidatingPolicy {
  readonly matcher: Matcher;
  readonly conditions: Conditions;
  readonly variables: readonly Variable[];
  readonly validations: readonly { readonly spec: Validation; readonly expression: Expression }[];
  readonly messages: readonly (Expression | undefined)[];
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[];
  readonly failurePolicy: string;
}

export interface Denial {
  readonly message: string;
  readonly reason: string | undefined;
  /** Which validation it is of. */
  readonly index: number;
}

export type Annotation =
  | { readonly key: string; readonly value: string }
  /** It could not be evaluated, which the failure policy makes a denial. */
  | { readonly key: string; readonly error: string };

export interface Verdict {
  readonly denials: readonly Denial[];
  readonly annotations: readonly Annotation[];
}

const NOTHING: Verdict = { denials: [], annotations: [] };

export function compileValidatingPolicy({ spec = {} }: ValidatingAdmissionPolicy): ValidatingPolicy {
  const { paramKind, variables = [], validations = [], auditAnnotations = [], matchConditions = [] } = spec;
  const compiler = new PolicyCompiler({ hasParams: paramKind !== undefined, hasPatchTypes: false });
  for (const { name, expression } of variables) compiler.declare(name, expression);
  const condition = (source: string): Expression => compiler.compile(source, CONDITION_TYPES);
  return {
    matcher: newMatcher(spec.matchConstraints ?? {}),
    conditions: newConditions(matchConditions, condition, compiler.variables, spec.failurePolicy),
    variables: compiler.variables,
    validations: validations.map((validation) => ({
      spec: validation,
      expression: compiler.compile(validation.expression, [BOOL]),
    })),
    messages: validations.map(({ messageExpression = "" }) =>
      messageExpression === "" ? undefined : compiler.compile(messageExpression, [STRING], false),
    ),
    annotations: auditAnnotations.map(({ key, valueExpression }) => ({
      key,
      expression: compiler.compile(valueExpression, [STRING, NULL]),
    })),
    failurePolicy: spec.failurePolicy ?? "Fail",
  };
}

/** Throws what the authorizer throws. */
export function validate(policy: ValidatingPolicy, input: EvaluationInput): Verdict {
  try {
    const matched = policy.conditions.match(input);
    if (typeof matched === "object") return failed(policy, matched.error);
    if (!matched) return NOTHING;
    const expressions = policy.validations.map(({ expression }) => expression);
    const { outcomes, budget } = evaluateAll(expressions, policy.variables, input, POLICY_COST_MAX);
    const messages = messagesOf(policy, input, budget);
    const denials = outcomes.flatMap((outcome, i) => denialOf(policy, outcome!, i, messages));
    return { denials, annotations: annotationsOf(policy, input) };
  } catch (err) {
    if (err instanceof OutOfBudget) return failed(policy, err.message);
    throw err;
  }
}

function failed({ failurePolicy }: ValidatingPolicy, message: string): Verdict {
  if (failurePolicy === "Ignore") return NOTHING;
  return { denials: [{ message, reason: undefined, index: 0 }], annotations: [] };
}

/** The outcomes, or why there are none. */
type Messages = readonly (Outcome | undefined)[] | OutOfBudget;

/** Messages see no authorizer. */
function messagesOf(
  { messages, variables }: ValidatingPolicy,
  input: EvaluationInput,
  budget: number,
): Messages {
  try {
    const seen = { ...input, ask: undefined };
    return evaluateAll(messages, variables, seen, budget).outcomes;
  } catch (err) {
    if (err instanceof OutOfBudget) return err;
    throw err;
  }
}

function denialOf(
  policy: ValidatingPolicy,
  outcome: Outcome,
  index: number,
  messages: Messages,
): readonly Denial[] {
  const error =
    "error" in outcome
      ? outcome.error
      : messages instanceof OutOfBudget
        ? `failed messageExpression: ${messages.message}`
        : undefined;
  if (error !== undefined) {
    return policy.failurePolicy === "Ignore" ? [] : [{ message: error, reason: undefined, index }];
  }
  if ("value" in outcome && outcome.value === true) return [];
  const { spec } = policy.validations[index]!;
  const evaluated = messages instanceof OutOfBudget ? undefined : messages[index];
  return [{ message: messageOf(spec, evaluated), reason: spec.reason ?? "Invalid", index }];
}

function messageOf({ expression, message = "" }: Validation, evaluated: Outcome | undefined): string {
  const own = evaluated !== undefined && "value" in evaluated ? evaluated.value : undefined;
  const text = typeof own === "string" ? own.trim() : "";
  if (text !== "" && byteLength(text) <= MESSAGE_BYTES_MAX && !text.includes("\n")) return text;
  return message === "" ? `failed expression: ${expression.trim()}` : message.trim();
}

function annotationsOf(
  { annotations, variables, failurePolicy }: ValidatingPolicy,
  input: EvaluationInput,
): readonly Annotation[] {
  if (annotations.length === 0) return [];
  const expressions = annotations.map(({ expression }) => expression);
  const seen = { ...input, ask: undefined };
  const { outcomes } = evaluateAll(expressions, variables, seen, POLICY_COST_MAX);
  return outcomes.flatMap((outcome, i): readonly Annotation[] => {
    const { key } = annotations[i]!;
    if (outcome === undefined) return [];
    if ("error" in outcome) return failurePolicy === "Ignore" ? [] : [{ key, error: outcome.error }];
    const value = typeof outcome.value === "string" ? outcome.value.trim() : "";
    return value === "" ? [] : [{ key, value }];
  });
}
