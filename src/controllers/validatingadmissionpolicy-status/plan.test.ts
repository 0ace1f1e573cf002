import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { checkTypes } from "#api/admissionregistration/v1/type-checking";
import type { ValidatingAdmissionPolicy } from "#api/admissionregistration/v1/types.gen";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import type { Kind } from "#apimachinery";
import { kindsToCheck, needsCheck } from "./plan.ts";
import { CircularSchema, schemaOfKind } from "./resolve-schema.ts";

const KINDS = [Deployments, ReplicaSets] as unknown as readonly Kind[];
const kindOf = (group: string, version: string, plural: string): Kind | undefined =>
  KINDS.find((kind) => kind.group === group && kind.version === version && kind.names.plural === plural);

function policy(spec: object, generation = 1, observedGeneration = 0): ValidatingAdmissionPolicy {
  const metadata = { name: "p", generation };
  return { metadata, spec, status: { observedGeneration } } as unknown as ValidatingAdmissionPolicy;
}

test("needsCheck() is true once for each generation", () => {
  assert.equal(needsCheck(policy({}, 2, 1)), true);
  assert.equal(needsCheck(policy({}, 2, 2)), false);
});

const rule = (resources: readonly string[], apiGroups = ["apps"], apiVersions = ["v1"]): object => ({
  matchConstraints: { resourceRules: [{ apiGroups, apiVersions, resources, operations: ["*"] }] },
});
const names = (spec: object): readonly string[] => kindsToCheck(policy(spec), kindOf).map(({ kind }) => kind);

test("kindsToCheck() names kinds without wildcards and subresources, in order", () => {
  assert.deepEqual(names(rule(["replicasets", "deployments", "deployments/scale", "*"])), [
    "Deployment",
    "ReplicaSet",
  ]);
  assert.deepEqual(names(rule(["deployments"], ["*"])), []);
  assert.deepEqual(names(rule(["deployments"], ["apps"], ["v1", "*"])), []);
  assert.deepEqual(names(rule(["nothing"])), []);
  assert.deepEqual(names({}), []);
});

const GVK = "x-kubernetes-group-version-kind";
const WEB = { group: "apps", version: "v1", kind: "Web" };
const DOCUMENT = {
  components: {
    schemas: {
      web: {
        type: "object",
        [GVK]: [WEB],
        properties: { spec: { allOf: [{ $ref: "#/components/schemas/spec" }], default: {} } },
      },
      spec: {
        type: "object",
        properties: {
          replicas: { type: "integer" },
          port: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
          size: { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity" },
          tags: { type: "array", items: { type: "string" } },
        },
      },
      loop: {
        type: "object",
        [GVK]: [{ ...WEB, kind: "Loop" }],
        properties: { inner: { $ref: "#/components/schemas/loop" } },
      },
    },
  },
};

suite("schemaOfKind()", () => {
  test("schemaOfKind() writes references out", () => {
    const { properties } = schemaOfKind(DOCUMENT, WEB) as unknown as {
      properties: { spec: { properties: Readonly<Record<string, object>> } };
    };
    const { port, size, replicas } = properties.spec.properties;
    assert.deepEqual([replicas, size], [{ type: "integer" }, { type: "string" }]);
    assert.equal((port as Record<string, unknown>)["x-kubernetes-int-or-string"], true);
    assert.equal(schemaOfKind(DOCUMENT, { ...WEB, kind: "Other" }), undefined);
  });

  test("schemaOfKind() refuses types that hold themselves", () => {
    assert.throws(() => schemaOfKind(DOCUMENT, { ...WEB, kind: "Loop" }), CircularSchema);
  });
});

const KNOWN = { name: "apps/v1, Kind=Web", kind: "Web", schema: schemaOfKind(DOCUMENT, WEB)! };

const warnings = (spec: object): readonly (readonly [string, string])[] =>
  checkTypes(policy(spec), [KNOWN], undefined).map(({ fieldRef, warning }) => [
    fieldRef,
    warning.split("\n", 1)[0]!,
  ]);

suite("checkTypes()", () => {
  test("checkTypes() finds nothing in what fits", () => {
    const variables = [{ name: "n", expression: "object.spec.replicas" }];
    const validations = [
      { expression: "variables.n > 1 && object.spec.size == '1Gi' && object.metadata.name != ''" },
      {
        expression: "object.spec.port == 80 || oldObject.spec.tags.all(t, t != '')",
        messageExpression: "string(variables.n)",
      },
    ];
    assert.deepEqual(warnings({ variables, validations }), []);
  });

  test("checkTypes() names the kind, the place and what is wrong", () => {
    const validations = [
      { expression: "object.spec.replicaz > 1" },
      { expression: "object.spec.replicas > '1'", messageExpression: "object.spec.nope" },
    ];
    assert.deepEqual(warnings({ validations }), [
      [
        "spec.validations[0].expression",
        "apps/v1, Kind=Web: compilation failed: ERROR: <input>:1:12: undefined field 'replicaz'",
      ],
      [
        "spec.validations[1].expression",
        "apps/v1, Kind=Web: compilation failed: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'",
      ],
      [
        "spec.validations[1].messageExpression",
        "apps/v1, Kind=Web: compilation failed: ERROR: <input>:1:12: undefined field 'nope'",
      ],
    ]);
  });
});
