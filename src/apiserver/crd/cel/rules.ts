/** The rules of a schema (`x-kubernetes-validations`), compiled once and evaluated for every write. @module */
import type { Environment } from "@marcbachmann/cel-js";
import { Optional } from "@marcbachmann/cel-js";
import { field, isJsonObject, jsonEqual, own, type KubeObject, type StatusCause } from "#apimachinery";
import type { ValidationRule } from "#api/apiextensions/v1/types.gen";
import { counterpart } from "../list-types.ts";
import { childOf, type Structural } from "../structural.ts";
import { Budget, CostExceeded, PER_OBJECT_COST_MAX, PER_RULE_COST_MAX } from "./budget.ts";
import { newEnvironment } from "./environment.ts";
import { compile, type Program } from "./program.ts";
import { SchemaTypes, type CelType } from "./types.ts";

export interface CelRules {
  readonly isEmpty: boolean;
  readonly validate: (
    object: KubeObject,
    old: KubeObject | undefined,
  ) => { readonly causes: readonly StatusCause[]; readonly warnings: readonly string[] };
}

/** A rule as its definition states it, and as it runs; `error` when it does not compile. */
interface CompiledRule {
  readonly rule: ValidationRule;
  readonly type: CelType;
  readonly schema: Structural;
  readonly program: Program | undefined;
  readonly message: Program | undefined;
  readonly error: string | undefined;
}

export function compileRules(root: Structural): CelRules {
  if (!root.hasRules) return { isEmpty: true, validate: () => ({ causes: [], warnings: [] }) };
  const compiled = new Map<Structural, readonly CompiledRule[]>();
  const environments = newEnvironments(root);
  const rulesOf = (schema: Structural): readonly CompiledRule[] => {
    let rules = compiled.get(schema);
    if (rules === undefined) {
      rules = schema.rules.map((rule) => compileRule(rule, schema, environments));
      compiled.set(schema, rules);
    }
    return rules;
  };
  return {
    isEmpty: false,
    validate: (object, old) => {
      const run = new Run(rulesOf);
      run.walk({
        value: object,
        old,
        schema: root,
        path: "",
        isUnchanged: old !== undefined && jsonEqual(object, old),
      });
      return { causes: run.causes, warnings: run.warnings };
    },
  };
}

/** Environments with `self` and `oldSelf` of the type of a node. */
export interface Environments {
  readonly typeOf: (schema: Structural) => CelType;
  readonly of: (schema: Structural, hasOptionalOldSelf: boolean) => Environment;
}

export function newEnvironments(root: Structural): Environments {
  const env = newEnvironment();
  const types = new SchemaTypes(env);
  // All types are declared before the environment is copied for the first time.
  types.of(root, true);
  const typeOf = (schema: Structural): CelType => types.of(schema);
  const made = new Map<string, Environment>();
  return {
    typeOf,
    of: (schema, hasOptionalOldSelf) => {
      const { name } = typeOf(schema);
      const old = hasOptionalOldSelf ? `optional<${name}>` : name;
      const known = made.get(`${name} ${old}`);
      if (known !== undefined) return known;
      const nodeEnv = env.clone().registerVariable("self", name).registerVariable("oldSelf", old);
      made.set(`${name} ${old}`, nodeEnv);
      return nodeEnv;
    },
  };
}

function compileRule(rule: ValidationRule, schema: Structural, environments: Environments): CompiledRule {
  const type = environments.typeOf(schema);
  const none = { rule, type, schema, program: undefined, message: undefined };
  try {
    const env = environments.of(schema, rule.optionalOldSelf === true);
    const program = compile(env, rule.rule, "bool");
    const text = rule.messageExpression?.trim() ?? "";
    const message = text === "" ? undefined : compile(env, text, "string");
    return { rule, type, schema, program, message, error: undefined };
  } catch (err) {
    return { ...none, error: err instanceof Error ? err.message : String(err) };
  }
}

interface Place {
  readonly value: unknown;
  /** What was here before; undefined when nothing is known to be. */
  readonly old: unknown;
  readonly schema: Structural;
  readonly path: string;
  /** Nothing here, or around here where that is all that is known, has changed. */
  readonly isUnchanged: boolean;
}

const OUT_OF_BUDGET =
  "validation failed due to running out of cost budget, no further validation rules will be run";

class Run {
  readonly causes: StatusCause[] = [];
  readonly warnings: string[] = [];
  readonly #rulesOf: (schema: Structural) => readonly CompiledRule[];
  #left = PER_OBJECT_COST_MAX;

  constructor(rulesOf: (schema: Structural) => readonly CompiledRule[]) {
    this.#rulesOf = rulesOf;
  }

  walk(place: Place): void {
    const { value, schema } = place;
    if (!schema.hasRules || value === null || value === undefined || this.#left < 0) return;
    this.#check(place);
    if (Array.isArray(value)) this.#items(value, place);
    else if (isJsonObject(value)) {
      for (const key of Object.keys(value)) this.#field(value[key], key, place);
    }
  }

  #items(list: readonly unknown[], { old, schema, path, isUnchanged }: Place): void {
    const { items, listType, listMapKeys } = schema;
    if (items === undefined) return;
    const isKeyed = listType === "map" && Array.isArray(old);
    for (const [i, value] of list.entries()) {
      const before = isKeyed ? counterpart(value, old as readonly unknown[], listMapKeys) : undefined;
      const same = isKeyed && before !== undefined ? jsonEqual(value, before) : isUnchanged;
      this.walk({ value, old: before, schema: items, path: field.index(path, i), isUnchanged: same });
    }
  }

  #field(value: unknown, key: string, { old, schema, path, isUnchanged }: Place): void {
    const child = childOf(schema, key);
    if (child === undefined) return;
    const before = isJsonObject(old) && schema.mapType === "granular" ? own(old, key) : undefined;
    const at = schema.properties.has(key) ? field.child(path, key) : field.key(path, key);
    const same = before === undefined ? isUnchanged : jsonEqual(value, before);
    this.walk({ value, old: before, schema: child, path: at, isUnchanged: same });
  }

  #check(place: Place): void {
    const { value, old, schema, path } = place;
    if (schema.rules.length === 0) return;
    const rules = this.#rulesOf(schema);
    const { convert } = rules[0]!.type;
    const self = convert(value);
    const hasOld = old !== undefined && old !== null;
    const oldSelf = hasOld ? convert(old) : undefined;
    for (const compiled of rules) {
      const { rule, program, error } = compiled;
      if (program === undefined) {
        this.#refuse(path, `rule compile error: ${error ?? ""}`, schema);
        continue;
      }
      const isOptional = rule.optionalOldSelf === true;
      // A transition has two ends.
      if (program.usesOldSelf && !hasOld && !isOptional) continue;
      const variables = {
        self,
        ...(isOptional
          ? { oldSelf: oldSelf === undefined ? Optional.none() : Optional.of(oldSelf) }
          : hasOld && { oldSelf }),
      };
      this.#evaluate(compiled, variables, place);
      if (this.#left < 0) return;
    }
  }

  #evaluate(compiled: CompiledRule, variables: Readonly<Record<string, unknown>>, place: Place): void {
    const { rule, program, schema } = compiled;
    const budget = new Budget(Math.min(PER_RULE_COST_MAX, this.#left));
    try {
      const isKept = program!.run(variables, budget) === true;
      this.#left -= budget.spent;
      if (!isKept) this.#broken(compiled, variables, place);
    } catch (err) {
      if (budget.isExhausted || err instanceof CostExceeded) {
        this.#left = -1;
        this.#refuse(place.path, OUT_OF_BUDGET, schema);
        return;
      }
      this.#left -= budget.spent;
      const why = firstLine(err).replace(/^No such key/, "no such key");
      this.#refuse(place.path, `${why} evaluating rule: ${ruleText(rule)}`, schema);
    }
  }

  /** What did not change, and is no transition, is told and let through. */
  #broken(compiled: CompiledRule, variables: Readonly<Record<string, unknown>>, place: Place): void {
    const { rule, program, schema } = compiled;
    const fieldPath = (rule.fieldPath ?? "").trim();
    const path = fieldPath === "" ? place.path : joined(place.path, fieldPath);
    const detail = this.#messageOf(compiled, variables) ?? defaultMessage(rule);
    const isOmitted = schema.type === "object" || schema.type === "array";
    const cause = causeFor(rule.reason, path, isOmitted ? undefined : place.value, detail);
    if (!program!.usesOldSelf && place.isUnchanged) this.warnings.push(`${cause.field}: ${cause.message}`);
    else this.causes.push(cause);
  }

  #messageOf({ message }: CompiledRule, variables: Readonly<Record<string, unknown>>): string | undefined {
    if (message === undefined) return undefined;
    try {
      const budget = new Budget(Math.min(PER_RULE_COST_MAX, this.#left));
      const text = message.run(variables, budget);
      this.#left -= budget.spent;
      return typeof text === "string" &&
        text.trim() !== "" &&
        !/[\n\r]/.test(text) &&
        text.length <= MESSAGE_LENGTH_MAX
        ? text.trim()
        : undefined;
    } catch {
      // Upstream too falls back to the message that needs no evaluation.
      return undefined;
    }
  }

  #refuse(path: string, detail: string, schema: Structural): void {
    this.causes.push(field.invalid(path === "" ? "<nil>" : path, schema.type, detail));
  }
}

const MESSAGE_LENGTH_MAX = 5 * 1024;

function joined(path: string, fieldPath: string): string {
  const rest = fieldPath.replace(/^\./, "");
  return path === "" || rest.startsWith("[") ? path + rest : `${path}.${rest}`;
}

function defaultMessage(rule: ValidationRule): string {
  const message = (rule.message ?? "").trim();
  return message === "" ? `failed rule: ${ruleText(rule)}` : message;
}

function ruleText({ rule }: ValidationRule): string {
  return rule.trim();
}

/** Values of objects and lists are left out of messages. */
function causeFor(reason: string | undefined, at: string, value: unknown, detail: string): StatusCause {
  const path = at === "" ? "<nil>" : at;
  switch (reason) {
    case "FieldValueForbidden":
      return field.forbidden(path, detail);
    case "FieldValueRequired":
      return field.required(path, detail);
    case "FieldValueDuplicate":
      return value === undefined
        ? { reason: "FieldValueDuplicate", field: path, message: `Duplicate value: ${detail}` }
        : { ...field.duplicate(path, value), message: `${field.duplicate(path, value).message}: ${detail}` };
    case undefined:
    default:
      if (value !== undefined) return field.invalid(path, value, detail);
      return { reason: "FieldValueInvalid", field: path, message: `Invalid value: ${detail}` };
  }
}

export function firstLine(err: unknown): string {
  return (err instanceof Error ? err.message : String(err)).split("\n", 1)[0]!;
}
