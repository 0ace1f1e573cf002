/** What becomes of fields that a custom resource's schema does not know, and of fields that stand twice. */
import assert from "node:assert/strict";
import type { JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { collectionPath } from "#client";
import {
  conformance,
  newCustomKind,
  type ConformanceContext,
  type CustomKind,
  type HttpAnswer,
} from "../harness/index.ts";

const PORTS: JSONSchemaProps = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["port"],
  items: {
    type: "object",
    required: ["port"],
    properties: { port: { type: "integer" }, name: { type: "string" } },
  },
};
const SCHEMA: JSONSchemaProps = {
  type: "object",
  properties: { spec: { type: "object", properties: { size: { type: "integer" }, ports: PORTS } } },
};
const PRESERVING: JSONSchemaProps = {
  type: "object",
  properties: { spec: { ...SCHEMA.properties!["spec"]!, "x-kubernetes-preserve-unknown-fields": true } },
};

interface Fields {
  readonly metadata?: string;
  readonly spec?: string;
}

/** As text, since no JSON value has a field twice. */
function gadget({ crd }: CustomKind, name: string, { metadata = "", spec = "" }: Fields = {}): string {
  return `{
    "apiVersion": "${crd.spec.group}/v1",
    "kind": "Gadget",
    "metadata": {${metadata} "name": "${name}"},
    "spec": {${spec} "size": 1, "ports": [{"port": 80, "name": "web"}]}
  }`;
}

async function create(
  t: ConformanceContext,
  custom: CustomKind,
  body: string,
  query = "fieldValidation=Strict",
): Promise<HttpAnswer> {
  const path = `${collectionPath(custom.kind, t.namespace)}?${query}`;
  return t.http({ method: "POST", path, body, headers: { "content-type": "application/json" } });
}

/** Server-side. */
async function apply(
  t: ConformanceContext,
  custom: CustomKind,
  name: string,
  body: string,
): Promise<HttpAnswer> {
  const path = `${collectionPath(custom.kind, t.namespace)}/${name}?fieldManager=conformance&fieldValidation=Strict`;
  return t.http({ method: "PATCH", path, body, headers: { "content-type": "application/apply-patch+yaml" } });
}

function embedded(metadata: string): string {
  return `"template": {"apiVersion": "foo/v1", "kind": "Sub", "metadata": {${metadata} "name": "s"}, "free": 1},`;
}

function specOf(answer: HttpAnswer): unknown {
  return (answer.json() as { readonly spec: unknown }).spec;
}

function refusal(answer: HttpAnswer, status = 400): string {
  assert.equal(answer.status, status, answer.text);
  return (answer.json() as { readonly message: string }).message;
}

conformance(
  "[sig-api-machinery] FieldValidation should create/apply a valid CR for CRD with validation schema",
  async (t) => {
    const custom = await newCustomKind(t, { schema: SCHEMA });
    const spec = { size: 1, ports: [{ port: 80, name: "web" }] };
    const created = await create(t, custom, gadget(custom, "created"));
    assert.equal(created.status, 201, created.text);
    assert.deepEqual(specOf(created), spec);
    const applied = await apply(t, custom, "applied", gadget(custom, "applied"));
    assert.equal(applied.status, 201, applied.text);
    assert.deepEqual(specOf(applied), spec);
    const { code, stderr } = await t.tryKubectl(["apply", "--validate=strict", "-f", "-"], {
      input: gadget(custom, "kubectl"),
    });
    assert.equal(code, 0, stderr);
  },
);

conformance(
  "[sig-api-machinery] FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema",
  async (t) => {
    const schema: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    const custom = await newCustomKind(t, { schema });
    const extra = { spec: `"whatever": {"deep": [1, 2]},` };
    for (const answer of [
      await create(t, custom, gadget(custom, "created", extra)),
      await apply(t, custom, "applied", gadget(custom, "applied", extra)),
    ]) {
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.headers["warning"], undefined);
      assert.deepEqual((specOf(answer) as { readonly whatever: unknown }).whatever, { deep: [1, 2] });
    }
    const { code, stderr } = await t.tryKubectl(["apply", "--validate=strict", "-f", "-"], {
      input: gadget(custom, "kubectl", extra),
    });
    assert.equal(code, 0, stderr);
  },
);

conformance(
  "[sig-api-machinery] FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema",
  async (t) => {
    const custom = await newCustomKind(t, { schema: SCHEMA });
    const extra = { spec: `"whatever": 1,` };
    assert.match(
      refusal(await create(t, custom, gadget(custom, "created", extra))),
      /strict decoding error: unknown field "spec\.whatever"$/,
    );
    assert.match(
      refusal(await apply(t, custom, "applied", gadget(custom, "applied", extra)), 500),
      /\.spec\.whatever: field not declared in schema/,
    );
    const warned = await create(t, custom, gadget(custom, "warned", extra), "fieldValidation=Warn");
    assert.equal(warned.status, 201);
    assert.equal(warned.headers["warning"], String.raw`299 - "unknown field \"spec.whatever\""`);
    assert.deepEqual(specOf(warned), { size: 1, ports: [{ port: 80, name: "web" }] });
    const kubectl = await t.tryKubectl(["apply", "-f", "-"], { input: gadget(custom, "kubectl", extra) });
    assert.equal(kubectl.code, 1);
    assert.match(kubectl.stderr, /strict decoding error: unknown field "spec\.whatever"/);
  },
);

conformance(
  "[sig-api-machinery] FieldValidation should detect duplicates in a CR when preserving unknown fields",
  async (t) => {
    const custom = await newCustomKind(t, { schema: PRESERVING });
    const twice = { spec: `"unknown": 1, "unknown": 2, "size": 3,` };
    const message = refusal(await create(t, custom, gadget(custom, "created", twice)));
    assert.match(
      message,
      /strict decoding error: duplicate field "spec\.unknown", duplicate field "spec\.size"$/,
    );
    const applied = refusal(await apply(t, custom, "applied", gadget(custom, "applied", twice)));
    assert.match(applied, /^error strict decoding YAML: .*key "unknown" already set in map/s);
    const warned = await create(t, custom, gadget(custom, "warned", twice), "fieldValidation=Warn");
    assert.equal(warned.status, 201);
    assert.match(String(warned.headers["warning"]), /duplicate field \\"spec\.unknown\\"/);
    assert.deepEqual(specOf(warned), { size: 1, unknown: 2, ports: [{ port: 80, name: "web" }] });
  },
);

conformance(
  "[sig-api-machinery] FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR",
  async (t) => {
    const template: JSONSchemaProps = {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    };
    const schema: JSONSchemaProps = {
      type: "object",
      properties: {
        spec: { type: "object", properties: { size: { type: "integer" }, ports: PORTS, template } },
      },
    };
    const custom = await newCustomKind(t, { schema });
    const good = await create(t, custom, gadget(custom, "good", { spec: embedded("") }));
    assert.equal(good.status, 201, good.text);
    const bad = { metadata: `"unknownMeta": "x",`, spec: embedded(`"unknownSubMeta": "y",`) };
    const message = refusal(await create(t, custom, gadget(custom, "bad", bad)));
    assert.match(message, /strict decoding error: .*unknown field "metadata\.unknownMeta"/);
    assert.match(
      message,
      /strict decoding error: .*unknown field "spec\.template\.metadata\.unknownSubMeta"/,
    );
    const ignored = await create(t, custom, gadget(custom, "ignored", bad), "fieldValidation=Ignore");
    assert.equal(ignored.status, 201);
    assert.doesNotMatch(ignored.text, /unknown(Sub)?Meta/);
    assert.match(ignored.text, /"free":1/);
  },
);
