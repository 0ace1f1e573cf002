/** The rules of a schema (`x-kubernetes-validations`), compiled once and evaluated for every write. @module */
import { CelError, CostExceeded, Meter, Optional, PER_CALL_COST_MAX, type CelValue } from "#apimachinery/cel";
import {
  byteLength,
  field,
  isJsonObject,
  jsonEqual,
  own,
  type KubeObject,
  type StatusCause,
} from "#apimachinery";
import type { ValidationRule } from "#api/apiextensions/v1/types.gen";
import { counterpart } from "../list-types.ts";
import { childOf, type Structural } from "../structural.ts";
import { ruleScope, type CompiledExpression, type CompiledRule, type RuleScope } from "./rule-program.ts";

export interface CelRules {
  readonly isEmpty: boolean;
  readonly validate: (
    object: KubeObject,
    old: KubeObject | undefined,
  ) => { readonly causes: readonly StatusCause[]; readonly warnings: readonly string[] };
}

/** What the rules of one object may cost; upstream's RuntimeCELCostBudget. */
const PER_OBJECT_COST_MAX = 10_000_000;

/** The rules of a node, and the types they see; undefined when they can see nothing of it. */
interface NodeRules {
  readonly scope: RuleScope | undefined;
  readonly rules: readonly CompiledRule[];
}

export function compileRules(root: Structural): CelRules {
  if (!root.hasRules) return { isEmpty: true, validate: () => ({ causes: [], warnings: [] }) };
  const compiled = new Map<Structural, NodeRules>();
  const rulesOf = (schema: Structural): NodeRules => {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    const scope = ruleScope(schema, schema === root);
    const made = { scope, rules: scope === undefined ? [] : schema.rules.map(scope.compile) };
    compiled.set(schema, made);
    return made;
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
  readonly #rulesOf: (schema: Structural) => NodeRules;
  #left = PER_OBJECT_COST_MAX;

  constructor(rulesOf: (schema: Structural) => NodeRules) {
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
    const { scope, rules } = this.#rulesOf(schema);
    if (scope === undefined) {
      this.#refuse(
        path,
        "rule compiler initialization error: failed to convert to declType for CEL validation rules",
        schema,
      );
      return;
    }
    const { convert } = scope.decl;
    const self = convert(value);
    const oldSelf = old === undefined || old === null ? undefined : convert(old);
    for (const compiled of rules) {
      const { rule, expression, usesOldSelf } = compiled;
      if (expression === undefined) continue;
      if (typeof expression === "string") {
        this.#refuse(path, `rule compile error: ${expression}`, schema);
        continue;
      }
      const isOptional = rule.optionalOldSelf === true;
      // A transition has two ends.
      if (usesOldSelf && oldSelf === undefined && !isOptional) continue;
      const before = isOptional ? new Optional(oldSelf) : (oldSelf ?? null);
      this.#evaluate({ compiled, expression, variable: (name) => (name === "self" ? self : before) }, place);
      if (this.#left < 0) return;
    }
  }

  #evaluate(evaluation: Evaluation, place: Place): void {
    const { compiled, expression, variable } = evaluation;
    const { path, schema } = place;
    const meter = new Meter();
    const result = outcome(expression, variable, meter);
    this.#left -= meter.spent;
    if (this.#left < 0) {
      this.#left = -1;
      this.#refuse(path, OUT_OF_BUDGET, schema);
    } else if (result instanceof CostExceeded) {
      this.#left = -1;
      const why = "no further validation rules will be run due to call cost exceeds limit for rule";
      this.#refuse(path, `'${result.message}': ${why}: ${ruleText(compiled.rule)}`, schema);
    } else if (result instanceof CelError) {
      this.#refuse(path, failureText(result.message, compiled.rule), schema);
    } else if (result !== true) this.#broken(evaluation, place);
  }

  /** What did not change, and is no transition, is told and let through. */
  #broken({ compiled, variable }: Evaluation, place: Place): void {
    const { rule, usesOldSelf } = compiled;
    const fieldPath = (rule.fieldPath ?? "").trim();
    const path = fieldPath === "" ? place.path : joined(place.path, fieldPath);
    const detail = this.#messageOf(compiled, variable) ?? defaultMessage(rule);
    const isOmitted = place.schema.type === "object" || place.schema.type === "array";
    const cause = causeFor(rule.reason, path, isOmitted ? undefined : place.value, detail);
    if (!usesOldSelf && place.isUnchanged) this.warnings.push(`${cause.field}: ${cause.message}`);
    else this.causes.push(cause);
  }

  /** Undefined: the message that needs no evaluation is to be told. */
  #messageOf({ message }: CompiledRule, variable: Evaluation["variable"]): string | undefined {
    if (message === undefined || typeof message === "string") return undefined;
    const meter = new Meter(Math.min(PER_CALL_COST_MAX, this.#left));
    const text = outcome(message, variable, meter);
    this.#left -= Math.min(meter.spent, this.#left);
    if (typeof text !== "string") return undefined;
    const trimmed = text.trim();
    const isFit = trimmed !== "" && !/[\n\r]/.test(trimmed) && byteLength(trimmed) <= MESSAGE_BYTES_MAX;
    return isFit ? trimmed : undefined;
  }

  #refuse(path: string, detail: string, schema: Structural): void {
    this.causes.push(field.invalid(path === "" ? "<nil>" : path, schema.type, detail));
  }
}

const MESSAGE_BYTES_MAX = 5 * 1024;

interface Evaluation {
  readonly compiled: CompiledRule;
  readonly expression: CompiledExpression;
  readonly variable: (name: string) => CelValue;
}

/** The value, or why there is none. */
function outcome(
  { program }: CompiledExpression,
  variable: Evaluation["variable"],
  meter: Meter,
): CelValue | CelError | CostExceeded {
  try {
    return program.evaluate(variable, meter);
  } catch (err) {
    if (err instanceof CelError || err instanceof CostExceeded) return err;
    throw err;
  }
}

function failureText(why: string, rule: ValidationRule): string {
  if (!why.startsWith("no such overload")) return `${why} evaluating rule: ${ruleText(rule)}`;
  return `'${why}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}`;
}

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
      return value === undefined ? field.invalidUnshown(path, detail) : field.invalid(path, value, detail);
  }
}
