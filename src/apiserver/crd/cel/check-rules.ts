/** Whether the rules of a schema compile, and are cheap enough: a definition with one that is not so is refused. @module */
import { REQUEST_BYTES_MAX } from "#apimachinery/cel";
import { field, type StatusCause } from "#apimachinery";
import type { ValidationRule } from "#api/apiextensions/v1/types.gen";
import { fieldAt } from "#api/apiextensions/v1/validate-version";
import type { Structural } from "../structural.ts";
import { costMessage, EXPRESSION_COST_MAX, TotalCost } from "./cost-limits.ts";
import { ruleScope, type CompiledExpression } from "./rule-program.ts";

export function checkRules(root: Structural, path: string): readonly StatusCause[] {
  if (!root.hasRules) return [];
  const total = new TotalCost();
  const causes = check({ schema: root, path, uncorrelated: undefined, cardinality: 1, isRoot: true }, total);
  return [...causes, ...total.causes(path)];
}

interface Place {
  readonly schema: Structural;
  readonly path: string;
  /** From here on old and new values cannot be told to be the same ones. */
  readonly uncorrelated: string | undefined;
  /** How many objects there can be of it; undefined: no bound is given. */
  readonly cardinality: number | undefined;
  readonly isRoot: boolean;
}

function check(place: Place, total: TotalCost): readonly StatusCause[] {
  const { schema, path, uncorrelated } = place;
  if (!schema.hasRules) return [];
  const { items, additional, properties } = schema;
  const below = uncorrelated ?? (schema.mapType === "atomic" ? path : undefined);
  const belowItems = uncorrelated ?? (schema.listType === "map" ? undefined : path);
  const factor = elementsMax(schema);
  const cardinality =
    place.cardinality === undefined || factor === undefined ? undefined : place.cardinality * factor;
  const child = (childSchema: Structural, at: string, from: string | undefined): readonly StatusCause[] =>
    check({ schema: childSchema, path: at, uncorrelated: from, cardinality, isRoot: false }, total);
  return [
    ...Array.from(properties).flatMap(([name, property]) =>
      child(property, field.key(field.child(path, "properties"), name), below),
    ),
    ...(items === undefined ? [] : child(items, field.child(path, "items"), belowItems)),
    ...(additional === undefined || additional === "any"
      ? []
      : child(additional, field.child(path, "additionalProperties"), below)),
    ...checkOwn(place, total),
  ];
}

/** How many of its children a value can have at most. */
function elementsMax({ type, additional, props }: Structural): number | undefined {
  if (type === "array") return props.maxItems === undefined ? undefined : Math.max(0, props.maxItems);
  if (type !== "object" || additional === undefined) return 1;
  return props.maxProperties === undefined ? undefined : Math.max(0, props.maxProperties);
}

function checkOwn(place: Place, total: TotalCost): readonly StatusCause[] {
  const { schema, path, isRoot, uncorrelated } = place;
  if (schema.rules.length === 0) return [];
  const rulesPath = field.child(path, "x-kubernetes-validations");
  const scope = ruleScope(schema, isRoot);
  if (scope === undefined) {
    return [field.invalid(rulesPath, schema.type, "unable to convert structural schema to CEL declarations")];
  }
  const times = place.cardinality ?? Math.floor(REQUEST_BYTES_MAX / (scope.decl.minSize + 1));
  return schema.rules.flatMap((rule, i) => {
    const at = field.index(rulesPath, i);
    const { expression, message, usesOldSelf } = scope.compile(rule);
    return [
      ...checkFieldPath(rule, schema, at),
      ...judged(rule, field.child(at, "rule"), expression, { what: "estimated rule cost", times }, total),
      ...judged(
        rule,
        field.child(at, "messageExpression"),
        message,
        { what: "estimated messageExpression cost", times: 1 },
        total,
      ),
      ...checkOldSelf(rule, at, usesOldSelf, uncorrelated),
    ];
  });
}

function checkFieldPath(rule: ValidationRule, schema: Structural, at: string): readonly StatusCause[] {
  const fieldPath = rule.fieldPath?.trim() ?? "";
  if (fieldPath === "" || fieldPath.includes("[")) return [];
  if (typeof fieldAt(schema.props, fieldPath) !== "string") return [];
  return [field.invalid(field.child(at, "fieldPath"), rule.fieldPath, "must be a valid path")];
}

function judged(
  rule: ValidationRule,
  at: string,
  expression: CompiledExpression | string | undefined,
  { what, times }: { readonly what: string; readonly times: number },
  total: TotalCost,
): readonly StatusCause[] {
  if (expression === undefined) return [];
  if (typeof expression === "string") return [field.invalid(at, rule, expression)];
  const cost = expression.costMax * times;
  total.observe(at, cost);
  return cost > EXPRESSION_COST_MAX
    ? [field.forbidden(at, costMessage(what, cost, EXPRESSION_COST_MAX))]
    : [];
}

function checkOldSelf(
  rule: ValidationRule,
  at: string,
  usesOldSelf: boolean,
  uncorrelated: string | undefined,
): readonly StatusCause[] {
  if (usesOldSelf) {
    if (uncorrelated === undefined) return [];
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
    return [field.invalid(field.child(at, "rule"), rule.rule, why)];
  }
  if (rule.optionalOldSelf === undefined) return [];
  const why = "may not be set if oldSelf is not used in rule";
  return [field.invalid(field.child(at, "optionalOldSelf"), rule.optionalOldSelf, why)];
}
