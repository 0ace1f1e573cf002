/** The field manager of built-in kinds: ownership along the facts of their fields. @module */
import {
  apiVersionOf,
  formatTime,
  applyPatch,
  setOf,
  updateManagedFields,
  type FieldSet,
  type JsonObject,
  type Kind,
  type KubeObject,
  type ManagedFieldsEntry,
  type StructSchema,
} from "#apimachinery";
import { lookup } from "#api";
import { isCustomKind } from "./custom-kind.ts";
import type { FieldManager, ManagedApply, ManagedWrite } from "./field-manager.ts";
import { shareFieldsText } from "./object-bytes.ts";
import { isSameShape } from "./same-shape.ts";
import { hasStatus } from "./status.ts";

function schemaOfKind(kind: Kind): StructSchema | undefined {
  return isCustomKind(kind) ? kind.custom.schema : lookup(kind);
}

const NOTHING: FieldSet = {};
const STATUS: FieldSet = setOf(["f:status"]);
const SPEC: FieldSet = setOf(["f:spec"]);

/** `schemaOf` finds the fields of a kind; writes of kinds it does not know are not tracked. */
export function newFieldManager(
  schemaOf: (kind: Kind) => StructSchema | undefined = schemaOfKind,
): FieldManager {
  const samples = new Map<string, Sample>();
  return {
    update(write) {
      const schema = schemaOf(write.kind);
      if (schema === undefined) return write.object;
      const isCreate = write.old === undefined && write.object.metadata.managedFields === undefined;
      return isCreate ? created(write, schema, samples) : updated(write, schema);
    },
    apply(write) {
      const schema = schemaOf(write.kind);
      if (schema === undefined) throw new Error(`the fields of ${write.kind.kind} are not known`);
      const { object } = applyPatch({
        ...common(write, schema),
        live: write.old as unknown as JsonObject | undefined,
        applied: write.config as unknown as JsonObject,
        force: write.force,
      });
      return object as unknown as KubeObject;
    },
  };
}

/** The last object that a manager created of a kind, and the fields it was found to own. */
interface Sample {
  readonly object: KubeObject;
  readonly entry: ManagedFieldsEntry;
}

/** Pairs of kind and manager that are remembered. */
const SAMPLES_MAX = 512;

/**
 * Who makes many objects of a kind makes them alike: pods of one template have the same fields. Finding that out costs a
 * tenth of listing the fields, and all of them then share one list.
 */
function created(write: ManagedWrite, schema: StructSchema, samples: Map<string, Sample>): KubeObject {
  const { kind, object, manager, nowMs } = write;
  const key = `${apiVersionOf(kind)}/${kind.kind}/${manager}`;
  const sample = samples.get(key);
  if (sample !== undefined && isSameShape(object, sample.object, schema)) {
    const managedFields = [{ ...sample.entry, time: formatTime(nowMs) }];
    return { ...object, metadata: { ...object.metadata, managedFields } };
  }
  const managed = updated(write, schema);
  const [entry, ...others] = managed.metadata.managedFields ?? [];
  if (entry !== undefined && others.length === 0) {
    if (samples.size >= SAMPLES_MAX) samples.clear();
    if (entry.fieldsV1 !== undefined) shareFieldsText(entry.fieldsV1);
    samples.set(key, { object, entry });
  }
  return managed;
}

function updated(write: ManagedWrite, schema: StructSchema): KubeObject {
  return updateManagedFields({
    ...common(write, schema),
    old: write.old as unknown as JsonObject | undefined,
    new: write.object as unknown as JsonObject,
  }) as unknown as KubeObject;
}

function common(
  { kind, manager, subresource, nowMs }: Omit<ManagedWrite, "object"> | ManagedApply,
  schema: StructSchema,
): {
  readonly schema: StructSchema;
  readonly apiVersion: string;
  readonly manager: string;
  readonly subresource?: string;
  readonly resetFields: FieldSet;
  readonly now: number;
} {
  return {
    schema,
    apiVersion: apiVersionOf(kind),
    manager,
    ...(subresource !== "" && { subresource }),
    resetFields: resetFieldsOf(kind, subresource),
    now: nowMs,
  };
}

/** What an endpoint puts back is nobody's merit. */
function resetFieldsOf(kind: Kind, subresource: string): FieldSet {
  if (!hasStatus(kind)) return NOTHING;
  return subresource === "status" ? SPEC : STATUS;
}
