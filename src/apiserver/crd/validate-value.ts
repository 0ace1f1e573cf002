/** Values against the constraints of a schema, in upstream's words (`kube-openapi/pkg/validation`). Pure. @module */
import { field, isJsonObject, jsonEqual, own, quote, type JsonObject, type StatusCause } from "#apimachinery";
import type { JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { formatCheck } from "./formats.ts";
import { counterpart } from "./list-types.ts";
import { compilePattern } from "./regex.ts";
import { isSchema } from "./structural.ts";

/** Where upstream shows no path: what it says of alternatives belongs to no field. */
export const NO_FIELD = "<nil>";

/** `old` is what stood here before an update: what did not change is not refused again. */
export function validateValue(
  value: unknown,
  schema: JSONSchemaProps,
  path = "",
  old?: unknown,
): readonly StatusCause[] {
  return check({ value, schema, path, old }).causes;
}

interface Subject {
  readonly value: unknown;
  readonly schema: JSONSchemaProps;
  readonly path: string;
  readonly old?: unknown;
}

/** `matches` counts what was right: of failed alternatives, the errors of the closest are shown. */
interface Outcome {
  readonly causes: StatusCause[];
  matches: number;
}

function check(subject: Subject): Outcome {
  const { value, schema, old } = subject;
  const outcome: Outcome = { causes: [], matches: 1 };
  if (old !== undefined && jsonEqual(value, old)) return outcome;
  merge(outcome, checkType(subject));
  if (value === null) {
    merge(outcome, checkEnum(subject));
    return outcome;
  }
  merge(outcome, checkAlternatives(subject));
  if (typeof value === "string")
    merge(outcome, [...checkString(value, subject), ...checkFormat(value, subject)]);
  if (typeof value === "number") merge(outcome, checkNumber(value, subject));
  if (Array.isArray(value)) checkList(value, subject, outcome);
  if (schema.enum !== undefined) merge(outcome, checkEnum(subject));
  if (isJsonObject(value)) checkObject(value, subject, outcome);
  return outcome;
}

function merge(into: Outcome, causes: readonly StatusCause[] | Outcome): void {
  if (!("causes" in into)) return;
  const list = "causes" in causes ? causes.causes : causes;
  into.causes.push(...list);
  into.matches += "matches" in causes ? causes.matches : list.length === 0 ? 1 : 0;
}

function typesOf(schema: JSONSchemaProps): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  return schema.type === undefined || schema.type === "" ? [] : [schema.type];
}

export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkType({ value, schema, path }: Subject): readonly StatusCause[] {
  const types = typesOf(schema);
  const type = typeOf(value);
  if (types.length === 0 || types.includes(type) || (type === "null" && schema.nullable === true)) return [];
  if (type === "integer" && types.includes("number")) return [];
  return [wrongType(path, types.join(), type)];
}

function wrongType(path: string, expected: string, data: string): StatusCause {
  return field.typeInvalid(path, data, `${path} in body must be of type ${expected}: ${quote(data)}`);
}

function checkEnum({ value, schema, path }: Subject): readonly StatusCause[] {
  if (schema.enum === undefined || schema.enum.some((allowed) => jsonEqual(allowed, value))) return [];
  const texts = schema.enum.map((allowed) =>
    typeof allowed === "string" ? allowed : JSON.stringify(allowed),
  );
  return [field.notSupported(path, value, texts)];
}

function checkString(value: string, { schema, path }: Subject): readonly StatusCause[] {
  const causes: StatusCause[] = [];
  const { maxLength, minLength, pattern } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) causes.push(field.tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) {
    causes.push(field.invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && pattern !== "" && !compilePattern(pattern).matches(value)) {
    causes.push(field.invalid(path, value, `${path} in body should match '${pattern}'`));
  }
  return causes;
}

function checkFormat(value: string, { schema, path }: Subject): readonly StatusCause[] {
  const { format = "" } = schema;
  if (format === "") return [];
  const isFormat = formatCheck(format);
  return isFormat === undefined || isFormat(value) ? [] : [wrongType(path, format, value)];
}

const INT32_MAX = 2 ** 31;

function checkNumber(value: number, { schema, path }: Subject): readonly StatusCause[] {
  const { maximum, exclusiveMaximum, minimum, exclusiveMinimum, multipleOf, format, type } = schema;
  const causes: StatusCause[] = [];
  const refuse = (why: string): number =>
    causes.push(field.invalid(path, value, `${path} in body should be ${why}`));
  if (type === "integer" && format === "int32" && (value >= INT32_MAX || value < -INT32_MAX)) {
    causes.push(
      field.invalid(path, "", `Checked value must be of type integer with format int32 in ${path}`),
    );
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) refuse(`a multiple of ${multipleOf}`);
  if (maximum !== undefined) {
    if (exclusiveMaximum === true ? value >= maximum : value > maximum) {
      refuse(`less than ${exclusiveMaximum === true ? "" : "or equal to "}${maximum}`);
    }
  }
  if (minimum !== undefined) {
    if (exclusiveMinimum === true ? value <= minimum : value < minimum) {
      refuse(`greater than ${exclusiveMinimum === true ? "" : "or equal to "}${minimum}`);
    }
  }
  return causes;
}

function isMultiple(value: number, factor: number): boolean {
  const times = value / factor;
  return Number.isInteger(times) || Math.abs(times - Math.round(times)) < 1e-9;
}

function checkList(list: readonly unknown[], { schema, path, old }: Subject, outcome: Outcome): void {
  const { maxItems, minItems, uniqueItems } = schema;
  const { items } = schema;
  if (isSchema(items)) {
    const oldOf = correlation(schema, old);
    for (const [i, value] of list.entries()) {
      merge(outcome, check({ value, schema: items, path: `${path}[${i}]`, old: oldOf(value) }));
    }
  }
  if (minItems !== undefined && list.length < minItems) {
    const why = `${path} in body should have at least ${minItems} items`;
    outcome.causes.push(field.invalid(path, list.length, why));
  }
  if (maxItems !== undefined && list.length > maxItems)
    outcome.causes.push(field.tooMany(path, list.length, maxItems));
  if (
    uniqueItems === true &&
    list.some((item, i) => list.slice(0, i).some((other) => jsonEqual(item, other)))
  ) {
    outcome.causes.push(field.invalid(path, "", `${path} in body shouldn't contain duplicates`));
  }
}

/** Only the items of `map` lists are known to be the same ones as before. */
function correlation(schema: JSONSchemaProps, old: unknown): (item: unknown) => unknown {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined || !Array.isArray(old))
    return () => undefined;
  return (item) => counterpart(item, old, keys);
}

function checkObject(object: JsonObject, { schema, path, old }: Subject, outcome: Outcome): void {
  const { maxProperties, minProperties, required, properties = {}, additionalProperties } = schema;
  const names = Object.keys(object);
  const at = (name: string): string => field.child(path, name);
  const before = isJsonObject(old) ? old : {};
  if (minProperties !== undefined && names.length < minProperties) {
    const why = `${path} in body should have at least ${minProperties} properties`;
    outcome.causes.push(field.invalid(path, names.length, why));
  }
  if (maxProperties !== undefined && names.length > maxProperties) {
    outcome.causes.push(field.tooMany(path, names.length, maxProperties));
  }
  for (const name of names) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const child = property ?? additionalProperties;
    if (additionalProperties === false && property === undefined) {
      outcome.causes.push(field.invalid(path, "", `${path}.${name} in body is a forbidden property`));
    } else if (isSchema(child)) {
      merge(outcome, check({ value: object[name], schema: child, path: at(name), old: own(before, name) }));
    }
  }
  for (const name of required ?? []) {
    if (!Object.hasOwn(object, name) || object[name] === undefined)
      outcome.causes.push(field.required(at(name)));
  }
}

/** allOf, anyOf, oneOf, not. They are not correlated with old values. */
function checkAlternatives({ value, schema, path }: Subject): Outcome {
  const outcome: Outcome = { causes: [], matches: 1 };
  const each = (schemas: readonly JSONSchemaProps[]): readonly Outcome[] =>
    schemas.map((alternative) => check({ value, schema: alternative, path }));
  const composite = (why: string): number =>
    outcome.causes.push(field.invalid(NO_FIELD, "", `${quote(path)} ${why}`));

  if (schema.anyOf !== undefined && schema.anyOf.length > 0) {
    const results = each(schema.anyOf);
    const valid = results.find(isValid);
    if (valid === undefined) composite("must validate at least one schema (anyOf)");
    merge(outcome, valid ?? closest(results));
  }
  if (schema.oneOf !== undefined && schema.oneOf.length > 0) {
    const results = each(schema.oneOf);
    const valid = results.filter(isValid);
    if (valid.length !== 1) {
      const found = valid.length === 0 ? "Found none valid" : `Found ${valid.length} valid alternatives`;
      composite(`must validate one and only one schema (oneOf). ${found}`);
    }
    if (valid.length < 2) merge(outcome, valid[0] ?? closest(results));
  }
  if (schema.allOf !== undefined && schema.allOf.length > 0) {
    const results = each(schema.allOf);
    for (const result of results) merge(outcome, result);
    const valid = results.filter(isValid).length;
    if (valid < results.length)
      composite(`must validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`);
  }
  if (schema.not !== undefined && isValid(check({ value, schema: schema.not, path }))) {
    composite("must not validate the schema (not)");
  }
  return outcome;
}

function isValid({ causes }: Outcome): boolean {
  return causes.length === 0;
}

function closest(results: readonly Outcome[]): Outcome {
  return results.reduce((best, result) => (result.matches > best.matches ? result : best));
}
