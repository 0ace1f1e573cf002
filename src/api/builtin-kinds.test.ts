import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf, type Kind, type KubeObject } from "#apimachinery";
import { betaKinds } from "./beta-kinds.ts";
import { builtinKinds } from "./builtin-kinds.ts";
import { groupVersions, resourcesOf } from "./facts.ts";
import { scheme } from "./scheme.ts";

const ALL_VERBS = ["create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"];

test("builtinKinds holds every stable resource of the published paths", () => {
  const missing = groupVersions()
    .filter(({ version }) => !/alpha|beta/.test(version))
    .flatMap(({ group, version }) =>
      resourcesOf(group, version).filter((r) => scheme.byResource(group, version, r.plural) === undefined),
    );
  assert.deepEqual(missing, []);
});

for (const kind of builtinKinds) {
  test(`builtinKinds: ${apiVersionOf(kind)} ${kind.kind} is served as published`, () => {
    const published = resourcesOf(kind.group, kind.version).find((r) => r.plural === kind.names.plural);
    assert.ok(published);
    assert.equal(kind.kind, published.kind);
    assert.equal(kind.names.singular, kind.kind.toLowerCase());
    assert.equal(kind.scope, published.namespaced ? "Namespaced" : "Cluster");
    assert.deepEqual(new Set<string>(kind.verbs ?? ALL_VERBS), new Set<string>(published.verbs));
    assert.deepEqual(new Set(kind.subresources), new Set(published.subresources.map((s) => s.name)));
    assert.ok(kind.columns.some((column) => column.format === "name"));
  });

  test(`builtinKinds: ${apiVersionOf(kind)} ${kind.kind} bears an object that says nothing`, () => {
    const object = scheme.applyDefaults(emptyObject(kind));
    for (const check of [kind.validateUpdate, kind.validateStatusUpdate])
      assert.ok(check?.(object, object) ?? []);
    for (const cause of kind.validate?.(object) ?? []) assert.match(cause.message, /^[A-Z]/);
    for (const column of kind.columns) column.value(object, 0);
    for (const select of Object.values(kind.selectableFields ?? {}))
      assert.equal(typeof select(object), "string");
    const created = kind.strategy?.prepareForCreate?.(object) ?? object;
    kind.strategy?.prepareForUpdate?.(created, object);
    kind.strategy?.prepareForStatusUpdate?.(created, object);
    kind.strategy?.defaultGracePeriodSeconds?.(created);
  });
}

function emptyObject(kind: Kind): KubeObject {
  const namespace = kind.scope === "Namespaced" ? { namespace: "default" } : {};
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: "x", ...namespace } };
}

test("betaKinds are known and not served", () => {
  const kinds = betaKinds();
  assert.ok(kinds.some((kind) => kind.group === "scheduling.k8s.io" && kind.kind === "PodGroup"));
  assert.ok(kinds.every((kind) => /alpha|beta/.test(kind.version)));
});
