/** Server-side apply and the ownership of fields. @module */
export * from "./apply-patch.ts";
export { compare, type Comparison } from "./compare.ts";
export { hasPath, setOf, type FieldPath, type FieldSet } from "./field-set.ts";
export { LAST_APPLIED_ANNOTATION } from "./last-applied.ts";
export { mergeConfiguration } from "./merge-configuration.ts";
export { UPDATE_MANAGERS_MAX } from "./managers.ts";
export { ignoreManagedFieldsTimestamps } from "./timestamps.ts";
export { updateManagedFields, type ManagedUpdate } from "./update-managed-fields.ts";
