/**
 * Constant defaults, applied along the facts, and the zero values that Go writes: a struct that is no pointer is there
 * even when it is empty (`resources: {}`), and so is a scalar without omitempty (`replicas: 0`). Whoever comes after may
 * rely on required structs, lists and scalars. Each type is compiled once into the few steps that can matter to it.
 * Copies what it changes and nothing else.
 * @module
 */
import type { KubeObject, Scalar, Schema } from "#apimachinery";
import { lookup, type FieldFacts, type StructFacts } from "./facts.ts";
import { computedTypeDefaults, constantTypeDefaults } from "./type-defaults.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Step {
  readonly field: string;
  /** Used when the field is absent. */
  readonly value: unknown;
  /** Empty strings and zeros count as absent: Go cannot tell them apart in fields that are no pointers. */
  readonly zeroIsAbsent: boolean;
}

interface Descent {
  readonly field: string;
  readonly shape: "struct" | "list" | "map";
  readonly plan: Plan;
}

interface Plan {
  steps: readonly Step[];
  computed: ((value: Fields) => Fields) | undefined;
  descents: readonly Descent[];
  /** False: no default anywhere below; the walk stops. */
  matters: boolean;
}

const plans = new Map<string, Plan>();

/** The object with every constant default in place; the same object if there was nothing to add. */
export function applyConstantDefaults<T extends KubeObject>(object: T): T {
  const [group, version] = splitApiVersion(object.apiVersion);
  const struct = lookup({ group, version, kind: object.kind });
  return struct === undefined ? object : (apply(planOf(struct), object as unknown as Fields) as unknown as T);
}

function splitApiVersion(apiVersion: string): readonly [group: string, version: string] {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

function apply(plan: Plan, value: Fields): Fields {
  if (!plan.matters) return value;
  let out = plan.computed === undefined ? value : plan.computed(value);
  for (const { field, value: fallback, zeroIsAbsent } of plan.steps) {
    const current = out[field];
    if (current === undefined || current === null || (zeroIsAbsent && isZero(current))) {
      if (out === value) out = { ...value };
      (out as Record<string, unknown>)[field] = fallback;
    }
  }
  for (const descent of plan.descents) {
    const current = out[descent.field];
    if (typeof current !== "object" || current === null) continue;
    const next = descend(descent, current);
    if (next === current) continue;
    if (out === value) out = { ...value };
    (out as Record<string, unknown>)[descent.field] = next;
  }
  return out;
}

function descend({ shape, plan }: Descent, value: object): unknown {
  if (shape === "struct") return apply(plan, value as Fields);
  if (shape === "list") {
    if (!Array.isArray(value)) return value;
    let changed: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item !== "object" || item === null) continue;
      const next = apply(plan, item as Fields);
      if (next !== item) (changed ??= [...(value as unknown[])])[i] = next;
    }
    return changed ?? value;
  }
  let changed: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value as Fields)) {
    if (typeof item !== "object" || item === null) continue;
    const next = apply(plan, item as Fields);
    if (next !== item) (changed ??= { ...(value as Fields) })[key] = next;
  }
  return changed ?? value;
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === false;
}

function planOf(struct: StructFacts): Plan {
  const known = plans.get(struct.definition);
  if (known !== undefined) return known;
  // Entered before it is filled: types contain themselves (JSONSchemaProps).
  const plan: Plan = { steps: [], computed: undefined, descents: [], matters: true };
  plans.set(struct.definition, plan);
  const ref = refOf(struct);
  const constants = Object.entries(constantTypeDefaults[ref] ?? {});
  plan.computed = computedTypeDefaults[ref];
  plan.steps = [
    ...[...struct.fields.values()].flatMap(zeroStep),
    ...constants.map(([field, value]) => stepOf(struct.fields.get(field), field, value)),
    ...[...struct.fields.values()]
      .filter(hasDefault)
      .map((field) => stepOf(field, field.name, field.default)),
  ];
  plan.descents = [...struct.fields.values()].flatMap(descentOf).filter(({ plan: below }) => below.matters);
  plan.matters = plan.steps.length > 0 || plan.computed !== undefined || plan.descents.length > 0;
  return plan;
}

/** `folder#Type`, the key of the tables of type defaults. The last two words of a definition's package are its folder. */
function refOf({ definition, name }: StructFacts): string {
  const words = definition.split(".");
  return `${words.at(-3)}/${words.at(-2)}#${name}`;
}

const EMPTY: Fields = Object.freeze({});
const ZEROS: Readonly<Partial<Record<Scalar, unknown>>> = {
  string: "",
  bytes: "",
  boolean: false,
  int32: 0,
  int64: 0,
  double: 0,
  quantity: "0",
  duration: "0s",
  intOrString: 0,
};

function zeroStep(field: FieldFacts): readonly Step[] {
  const value = field.pointer ? undefined : zeroOf(field);
  return value === undefined ? [] : [{ field: field.name, value, zeroIsAbsent: false }];
}

function zeroOf({ schema, omitEmpty, required }: FieldFacts): unknown {
  switch (schema.type) {
    case "struct":
      return EMPTY;
    case "list":
      return required ? [] : undefined;
    case "scalar":
      return omitEmpty ? undefined : ZEROS[schema.scalar];
    case "map":
    case "untyped":
      break;
  }
  return undefined;
}

/** Zero defaults of fields that are no pointers change nothing on the wire. */
function hasDefault(field: FieldFacts): boolean {
  return field.default !== undefined && (field.pointer || !isZero(field.default));
}

function stepOf(field: FieldFacts | undefined, name: string, value: unknown): Step {
  return { field: name, value, zeroIsAbsent: field !== undefined && !field.pointer };
}

function descentOf(field: FieldFacts): readonly Descent[] {
  const found = structIn(field.schema);
  if (found === undefined) return [];
  return [{ field: field.name, shape: found.shape, plan: planOf(found.struct) }];
}

function structIn(
  schema: Schema,
): { readonly shape: Descent["shape"]; readonly struct: StructFacts } | undefined {
  if (schema.type === "struct") return { shape: "struct", struct: schema as StructFacts };
  const inner = schema.type === "list" ? schema.items : schema.type === "map" ? schema.values : undefined;
  if (inner?.type !== "struct") return undefined;
  return { shape: schema.type as "list" | "map", struct: inner as StructFacts };
}
