/** What becomes of fields that nobody knows and of fields that stand twice, in objects of built-in kinds. */
import assert from "node:assert/strict";
import { conformance, type ConformanceContext, type HttpAnswer } from "../harness/index.ts";

const APPLY = "application/apply-patch+yaml";

/** A Deployment as text, since no JSON value has a field twice. */
function deployment(name: string, { metadata = "", spec = "" } = {}): string {
  return `{
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {${metadata} "name": "${name}", "labels": {"app": "x"}},
    "spec": {
      ${spec}
      "replicas": 0,
      "selector": {"matchLabels": {"app": "x"}},
      "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    }
  }`;
}

const UNKNOWN = `"unknownField": "x",`;
const TWICE = `"paused": true, "paused": true,`;

function deployments(t: ConformanceContext, rest = ""): string {
  return `/apis/apps/v1/namespaces/${t.namespace}/deployments${rest}`;
}

function post(
  t: ConformanceContext,
  body: string,
  query: string,
  type = "application/json",
): Promise<HttpAnswer> {
  return t.http({
    method: "POST",
    path: `${deployments(t)}${query}`,
    body,
    headers: { "content-type": type },
  });
}

function patch(
  t: ConformanceContext,
  name: string,
  type: string,
  body: string,
  query: string,
): Promise<HttpAnswer> {
  const path = `${deployments(t, `/${name}`)}?fieldManager=conformance&${query}`;
  return t.http({ method: "PATCH", path, body, headers: { "content-type": type } });
}

function messageOf(answer: HttpAnswer, status: number): string {
  assert.equal(answer.status, status, answer.text);
  return (answer.json() as { readonly message: string }).message;
}

/** Texts of the `Warning` headers. */
function warnings({ status, headers, text }: HttpAnswer, expected: number): readonly string[] {
  assert.equal(status, expected, text);
  const all = headers["warning"] ?? "";
  return [...all.matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map(([, quoted]) => JSON.parse(quoted!) as string);
}

async function stored(t: ConformanceContext, name: string): Promise<string> {
  return (await t.http({ path: deployments(t, `/${name}`) })).text;
}

conformance(
  "[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object",
  async (t) => {
    const bad = { spec: UNKNOWN + TWICE };
    const refused = await post(t, deployment("bad", bad), "?fieldValidation=Strict");
    const message = messageOf(refused, 400);
    assert.match(message, /cannot be handled as a Deployment: strict decoding error: /);
    assert.match(message, /unknown field "spec\.unknownField"/);
    assert.match(message, /duplicate field "spec\.paused"/);
    assert.equal((await t.http({ path: deployments(t, "/bad") })).status, 404);

    const both = ['unknown field "spec.unknownField"', 'duplicate field "spec.paused"'].toSorted();
    const warned = await post(t, deployment("warned", bad), "?fieldValidation=Warn");
    assert.deepEqual(warnings(warned, 201).toSorted(), both);
    const byDefault = await post(t, deployment("default", bad), "");
    assert.deepEqual(warnings(byDefault, 201).toSorted(), both);
    const ignored = await post(t, deployment("ignored", bad), "?fieldValidation=Ignore");
    assert.deepEqual(warnings(ignored, 201), []);
    for (const name of ["warned", "default", "ignored"])
      assert.doesNotMatch(await stored(t, name), /unknownField/);
    assert.match(
      messageOf(await post(t, deployment("other"), "?fieldValidation=Loose"), 422),
      /fieldValidation: Unsupported value: "Loose"/,
    );
    const path = `${deployments(t, "/warned")}?fieldValidation=Strict`;
    const put = await t.http({
      method: "PUT",
      path,
      body: deployment("warned", bad),
      headers: { "content-type": "application/json" },
    });
    assert.match(messageOf(put, 400), /unknown field "spec\.unknownField"/);
  },
);

/** The same rules for patches: see the media types. Part of the test above by upstream's names. */
async function patches(t: ConformanceContext): Promise<void> {
  assert.equal((await post(t, deployment("patched"), "")).status, 201);
  const strict = (type: string, body: string): Promise<HttpAnswer> =>
    patch(t, "patched", type, body, "fieldValidation=Strict");
  for (const type of ["merge-patch+json", "strategic-merge-patch+json"]) {
    const metadata = `{"metadata": {"unknownMeta": "x", "labels": {"a": "1"}, "labels": {"a": "2"}}}`;
    const message = messageOf(await strict(`application/${type}`, metadata), 422);
    assert.match(
      message,
      /^ ?"?.* is invalid: patch: Invalid value: .*strict decoding error: duplicate field "metadata\.labels", unknown field "metadata\.unknownMeta"$/s,
    );
    const warned = await patch(t, "patched", `application/${type}`, metadata, "fieldValidation=Warn");
    assert.deepEqual(warnings(warned, 200), [
      'duplicate field "metadata.labels"',
      'unknown field "metadata.unknownMeta"',
    ]);
  }
  const operation = `[{"op": "add", "path": "/metadata/unknownMeta", "value": "x", "foo": "y"}]`;
  assert.match(
    messageOf(await strict("application/json-patch+json", operation), 422),
    /strict decoding error: json patch unknown field "\[0\]\.foo", unknown field "metadata\.unknownMeta"$/,
  );
}

conformance(
  "[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object",
  async (t) => {
    const bad = { metadata: `"unknownMeta": "x",` };
    const refused = await post(t, deployment("bad", bad), "?fieldValidation=Strict");
    assert.match(
      messageOf(refused, 400),
      /cannot be handled as a Deployment: strict decoding error: unknown field "metadata\.unknownMeta"$/,
    );
    const warned = await post(t, deployment("warned", bad), "?fieldValidation=Warn");
    assert.deepEqual(warnings(warned, 201), ['unknown field "metadata.unknownMeta"']);
    assert.doesNotMatch(await stored(t, "warned"), /unknownMeta/);
    const applied = await patch(t, "applied", APPLY, deployment("applied", bad), "");
    assert.match(messageOf(applied, 500), /\.metadata\.unknownMeta: field not declared in schema/);
    await patches(t);
    const yaml = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: y\n  unknownMeta: x\n  name: z\n";
    const text = messageOf(await post(t, yaml, "?fieldValidation=Strict", "application/yaml"), 400);
    assert.match(
      text,
      /strict decoding error: yaml: unmarshal errors:\n {2}line 6: key "name" already set in map, unknown field "metadata\.unknownMeta"$/,
    );
    const twice = await patch(
      t,
      "applied",
      APPLY,
      deployment("applied", { spec: TWICE }),
      "fieldValidation=Strict",
    );
    assert.match(
      messageOf(twice, 400),
      /^error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n {2}line \d+: key "paused" already set in map$/,
    );
    assert.equal((await t.http({ path: deployments(t, "/applied") })).status, 404);
    const kubectl = await t.tryKubectl(["apply", "-f", "-"], { input: deployment("k", bad) });
    assert.equal(kubectl.code, 1);
    assert.match(kubectl.stderr, /strict decoding error: unknown field "metadata\.unknownMeta"/);
  },
);
