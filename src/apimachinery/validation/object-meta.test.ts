import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectMeta } from "../meta.ts";
import { isDns1123Label, isDns1123Subdomain } from "../names.ts";
import * as field from "./field-errors.ts";
import { validateLabelSelector } from "./labels.ts";
import { validateObjectMeta, validateObjectMetaUpdate } from "./object-meta.ts";
import { validateDeleteOptions, validatePatchOptions, validateWriteOptions } from "./options.ts";

const rules = { namespaced: true, nameRule: isDns1123Subdomain };
const good: ObjectMeta = { name: "web", namespace: "default" };

function texts(causes: readonly { readonly field: string; readonly message: string }[]): readonly string[] {
  return causes.map((cause) => `${cause.field}: ${cause.message}`);
}

test("field errors carry upstream's wording", () => {
  assert.deepEqual(field.required("a"), {
    reason: "FieldValueRequired",
    field: "a",
    message: "Required value",
  });
  assert.equal(field.invalid("a", "x", "why").message, `Invalid value: "x": why`);
  assert.equal(field.invalid("a", { b: 1 }, "why").message, `Invalid value: {"b":1}: why`);
  assert.equal(field.invalid("a", undefined, "why").message, "Invalid value: null: why");
  assert.equal(
    field.notSupported("a", "x", ["y", "z"]).message,
    `Unsupported value: "x": supported values: "y", "z"`,
  );
  assert.equal(field.duplicate("a", 80).message, "Duplicate value: 80");
  assert.equal(field.forbidden("a", "why").message, "Forbidden: why");
  assert.equal(field.tooLong("a", 1).message, "Too long: may not be more than 1 byte");
  assert.equal(field.tooMany("a", 3, 2).message, "Too many: 3: must have at most 2 items");
  assert.equal(field.tooFew("a", 1, 2).message, "Too few: 1: must have at least 2 items");
  assert.equal(field.tooShort("a", 1).message, "Too short: must be at least 1 character");
  assert.equal(field.notFound("a", "x").message, `Not found: "x"`);
  assert.equal(field.key(field.index(field.child("spec", "a"), 0), "k"), "spec.a[0][k]");
});

test("validateObjectMeta checks names, namespaces and maps", () => {
  assert.deepEqual(validateObjectMeta(good, rules), []);
  const table: readonly (readonly [Partial<ObjectMeta>, RegExp])[] = [
    [{ name: "" }, /^metadata\.name: Required value: name or generateName is required$/],
    [{ name: "Web" }, /^metadata\.name: Invalid value: "Web": a lowercase RFC 1123 subdomain/],
    [{ generateName: "Web-" }, /^metadata\.generateName: Invalid value: "Web-": /],
    [{ namespace: "" }, /^metadata\.namespace: Required value$/],
    [{ namespace: "a.b" }, /^metadata\.namespace: Invalid value: "a\.b": must not contain dots$/],
    [{ generation: -1 }, /^metadata\.generation: Invalid value: -1: must be greater than or equal to 0$/],
    [{ labels: { "a b": "c" } }, /^metadata\.labels: Invalid value: "a b": name part must consist/],
    [{ labels: { a: "c d" } }, /^metadata\.labels: Invalid value: "c d": a valid label must be/],
    [
      { annotations: { a: "x".repeat(262_144) } },
      /^metadata\.annotations: Too long: may not be more than 262144 bytes$/,
    ],
    [
      { finalizers: ["orphan", "foregroundDeletion"] },
      /finalizer orphan and foregroundDeletion cannot be both set/,
    ],
    [
      { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "" }] },
      /^metadata\.ownerReferences\.uid: Invalid value: "": must not be empty$/,
    ],
    [
      { managedFields: [{ operation: "Patch" as "Apply" }] },
      /^metadata\.managedFields\[0\]\.operation: Invalid value: "Patch": must be `Apply` or `Update`$/,
    ],
  ];
  for (const [change, want] of table) {
    const causes = texts(validateObjectMeta({ ...good, ...change }, rules));
    assert.equal(causes.length, 1, JSON.stringify(causes));
    assert.match(causes[0]!, want);
  }
  assert.deepEqual(texts(validateObjectMeta(good, { namespaced: false, nameRule: isDns1123Label })), [
    "metadata.namespace: Forbidden: not allowed on this type",
  ]);
  assert.deepEqual(
    validateObjectMeta({ ...good, annotations: { "Upper/Case": "" }, generateName: "web-" }, rules),
    [],
  );
});

test("validateObjectMeta allows one controller", () => {
  const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "a", uid: "1", controller: true };
  const causes = validateObjectMeta({ ...good, ownerReferences: [owner, { ...owner, name: "b" }] }, rules);
  assert.match(
    causes[0]!.message,
    /Only one reference can have Controller set to true\. Found "true" in references for ReplicaSet\/a and ReplicaSet\/b$/,
  );
});

test("validateObjectMetaUpdate keeps identity", () => {
  const old = { ...good, resourceVersion: "1", uid: "u", generation: 2 };
  assert.deepEqual(validateObjectMetaUpdate(old, old), []);
  assert.deepEqual(
    texts(validateObjectMetaUpdate({ ...old, name: "x", uid: "v", generation: 1, resourceVersion: "" }, old)),
    [
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
      "metadata.generation: Invalid value: 1: must not be decremented",
      'metadata.name: Invalid value: "x": field is immutable',
      'metadata.uid: Invalid value: "v": field is immutable',
    ],
  );
  const dying = { ...old, deletionTimestamp: "2026-01-01T00:00:00Z" };
  assert.match(
    texts(validateObjectMetaUpdate({ ...dying, finalizers: ["a/b"] }, dying))[0]!,
    /found new finalizers \[\]string\{"a\/b"\}$/,
  );
});

test("validateLabelSelector checks operators and values", () => {
  const causes = validateLabelSelector(
    {
      matchExpressions: [
        { key: "a", operator: "In" },
        { key: "a", operator: "Exists", values: ["x"] },
        { key: "a", operator: "Is" },
      ],
    },
    "spec.selector",
  );
  assert.deepEqual(texts(causes), [
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
  ]);
});

test("request options are checked as upstream", () => {
  assert.deepEqual(texts(validatePatchOptions({}, true)), [
    "fieldManager: Required value: is required for apply patch",
  ]);
  assert.deepEqual(texts(validatePatchOptions({ force: true }, false)), [
    "force: Forbidden: may not be specified for non-apply patch",
  ]);
  assert.deepEqual(texts(validateWriteOptions({ dryRun: ["Some"] })), [
    'dryRun: Unsupported value: ["Some"]: supported values: "All"',
  ]);
  assert.deepEqual(texts(validateWriteOptions({ fieldManager: "a\nb" })), [
    String.raw`fieldManager: Invalid value: "a\nb": invalid character U+000A (at position 1)`,
  ]);
  assert.equal(validateDeleteOptions({ propagationPolicy: "Never" }).length, 1);
});
