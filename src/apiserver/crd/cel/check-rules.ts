/** Whether the rules of a schema compile: a definition with one that does not is refused. @module */
import { field, type StatusCause } from "#apimachinery";
import type { ValidationRule } from "#api/apiextensions/v1/types.gen";
import { fieldAt } from "#api/apiextensions/v1/validate-version";
import type { Structural } from "../structural.ts";
import { CompileError, compile } from "./program.ts";
import { newEnvironments, type Environments } from "./rules.ts";

export function checkRules(root: Structural, path: string): readonly StatusCause[] {
  if (!root.hasRules) return [];
  return check(root, path, newEnvironments(root), undefined);
}

/** `uncorrelated`: below here, old and new values cannot be told to be the same ones. */
function check(
  schema: Structural,
  path: string,
  environments: Environments,
  uncorrelated: string | undefined,
): readonly StatusCause[] {
  if (!schema.hasRules) return [];
  const { items, additional, properties } = schema;
  const below = uncorrelated ?? (schema.mapType === "atomic" ? path : undefined);
  const belowItems = uncorrelated ?? (schema.listType === "map" ? undefined : path);
  return [
    ...schema.rules.flatMap((rule, i) => {
      const at = field.index(field.child(path, "x-kubernetes-validations"), i);
      return checkRule(rule, schema, at, environments, uncorrelated);
    }),
    ...Array.from(properties).flatMap(([name, child]) =>
      check(child, field.key(field.child(path, "properties"), name), environments, below),
    ),
    ...(items === undefined ? [] : check(items, field.child(path, "items"), environments, belowItems)),
    ...(additional === undefined || additional === "any"
      ? []
      : check(additional, field.child(path, "additionalProperties"), environments, below)),
  ];
}

function checkRule(
  rule: ValidationRule,
  schema: Structural,
  path: string,
  environments: Environments,
  uncorrelated: string | undefined,
): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  const env = environments.of(schema, rule.optionalOldSelf === true);
  const fieldPath = rule.fieldPath?.trim() ?? "";
  if (fieldPath !== "" && !fieldPath.includes("[") && typeof fieldAt(schema.props, fieldPath) === "string") {
    causes.push(field.invalid(field.child(path, "fieldPath"), rule.fieldPath, "must be a valid path"));
  }
  try {
    const { usesOldSelf } = compile(env, rule.rule, "bool");
    if (usesOldSelf && uncorrelated !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
      causes.push(field.invalid(field.child(path, "rule"), rule.rule, why));
    }
    if (!usesOldSelf && rule.optionalOldSelf !== undefined) {
      const why = "may not be set if oldSelf is not used in rule";
      causes.push(field.invalid(field.child(path, "optionalOldSelf"), rule.optionalOldSelf, why));
    }
  } catch (err) {
    causes.push(field.invalid(field.child(path, "rule"), rule, reasonOf(err)));
  }
  const expression = rule.messageExpression?.trim() ?? "";
  if (expression === "") return causes;
  try {
    compile(env, expression, "string");
  } catch (err) {
    causes.push(field.invalid(field.child(path, "messageExpression"), rule, reasonOf(err)));
  }
  return causes;
}

function reasonOf(err: unknown): string {
  if (err instanceof CompileError) return err.message;
  throw err;
}
