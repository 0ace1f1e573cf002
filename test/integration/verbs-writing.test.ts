/** Creating, updating, patching, applying and deleting what should not be, in upstream's codes and words. @module */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { configMap, startHttpServer, type HttpServer, type Json, type Sending } from "./http-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const JSON_PATCH = "application/json-patch+json";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";

suite("writes", () => {
  let server: HttpServer;

  before(async () => {
    // Names run out at once: every random number is the same.
    server = await startHttpServer({ random: () => 0 });
    await server.send("POST", MAPS, { body: configMap("kept", { data: { a: "1" } }) });
  });
  after(() => server[Symbol.asyncDispose]());

  const send = (method: string, path: string, sending?: Sending): Promise<Json> =>
    server.send(method, path, sending);

  test("a name that cannot be generated is 409 AlreadyExists, to be tried again", async () => {
    const body = { metadata: { generateName: "made-" } };
    const made = await send("POST", MAPS, { body });
    assert.equal(made.code, 201);
    const again = await send("POST", MAPS, { body });
    const name = made.body.metadata.name as string;
    assert.deepEqual([again.code, again.body.reason], [409, "AlreadyExists"]);
    assert.equal(
      again.body.message,
      `configmaps "${name}" already exists, the server was not able to generate a unique name for the object`,
    );
    assert.equal(again.body.details.retryAfterSeconds, 1);
    assert.equal(again.headers["retry-after"], "1");
  });

  test("owners that are named twice are kept once, with a warning", async () => {
    const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u" };
    const metadata = { name: "owned", ownerReferences: [owner, owner] };
    const made = await send("POST", MAPS, { body: { metadata } });
    assert.equal(made.body.metadata.ownerReferences.length, 1);
    assert.deepEqual(made.warnings, [ownersWarning("")]);
    const patched = await send("PATCH", `${MAPS}/owned`, { type: MERGE, body: { metadata } });
    assert.equal(patched.body.metadata.ownerReferences.length, 1);
    assert.deepEqual(patched.warnings, [ownersWarning(" after mutating admission happens")]);
  });

  const bodies: readonly (readonly [raw: string, type: string, message: string])[] = [
    [
      "{bad",
      "application/json",
      "couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of object key string ({bad)",
    ],
    ["", "application/json", "json parse error: unexpected end of JSON input (<empty>)"],
    [
      "[]",
      "application/json",
      "json: cannot unmarshal array into Go value of type struct { APIVersion string",
    ],
    ["a: [", "application/yaml", "(613a205b)"],
    [`{"a":"${"x".repeat(40)}`, "application/json", `({"a":"${"x".repeat(24)} ...)`],
  ];
  for (const [raw, type, message] of bodies) {
    test(`the body ${JSON.stringify(raw).slice(0, 20)} is told apart`, async () => {
      const { code, body } = await send("POST", MAPS, { raw, type });
      assert.equal(code, 400);
      assert.ok(body.message.startsWith("the object provided is unrecognized (must be of type ConfigMap): "));
      assert.ok(body.message.includes(message), body.message);
    });
  }

  const array = "json: cannot unmarshal array into Go value of type map[string]interface {}";
  const patches: readonly (readonly [type: string, raw: string, code: number, message: string])[] = [
    [
      JSON_PATCH,
      '{"a":1}',
      400,
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    ],
    [JSON_PATCH, '[{"op":"test","path":"/data/a","value":"x"}]', 422, "the server rejected our request"],
    [
      JSON_PATCH,
      '[{"op":"replace","path":"/metadata/name","value":"b"}]',
      400,
      "the name of the object (b) does not match the name on the URL (kept)",
    ],
    [
      JSON_PATCH,
      '[{"op":"remove","path":"/metadata/name"}]',
      400,
      "the name of the object (kept based on URL) was undeterminable: name must be provided",
    ],
    [MERGE, "[]", 400, `error decoding patch: ${array}`],
    [MERGE, "{bad", 400, "error decoding patch: invalid character 'b' looking for beginning of object key"],
    [
      MERGE,
      '{"data":5}',
      422,
      ": json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string",
    ],
    [STRATEGIC, "[]", 400, array],
    [STRATEGIC, '{"data":5}', 422, 'patch: Invalid value: "map[data:5]": '],
    [APPLY, "a: [", 400, "error decoding YAML: yaml: "],
    [APPLY, "kind: ConfigMap\nmetadata: {name: kept}", 400, "Specified patch version: , expected: v1"],
    [APPLY, "apiVersion: v1\nkind: ConfigMap\ndata: {a: x}", 400, "undeterminable: name must be provided"],
    [
      APPLY,
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata: {a: yes}",
      500,
      "failed to create typed patch object (/kept; v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:true}",
    ],
    [
      APPLY,
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\ndata: {a: x}",
      409,
      'Apply failed with 1 conflict: conflict with "unknown" using v1: .data.a',
    ],
    [
      APPLY,
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, managedFields: []}",
      400,
      "metadata.managedFields must be nil",
    ],
  ];
  for (const [type, raw, code, message] of patches) {
    test(`${type.split(/[/+]/)[1]} ${JSON.stringify(raw).slice(0, 50)} is ${code}`, async () => {
      const query = type === APPLY ? "?fieldManager=m" : "";
      const answer = await send("PATCH", `${MAPS}/kept${query}`, { type, raw });
      assert.equal(answer.code, code, answer.text);
      assert.ok(answer.body.message.includes(message), answer.body.message);
    });
  }

  test("force is for who applies", async () => {
    const { code, body } = await send("PATCH", `${MAPS}/kept?force=true`, { type: MERGE, raw: "{}" });
    assert.equal(code, 422);
    assert.equal(
      body.message,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
    assert.equal("name" in body.details, false);
  });

  test("apply does not make an object that was another", async () => {
    const raw = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new, uid: abc}";
    const { code, body } = await send("PATCH", `${MAPS}/new?fieldManager=m`, { type: APPLY, raw });
    assert.equal(code, 409);
    assert.match(
      body.message,
      /uid mismatch: the provided object specified uid abc, and no existing object was found$/,
    );
  });

  test("apply to scale owns the replicas, against those who set them", async () => {
    const spec = {
      replicas: 1,
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    };
    await send("POST", `${DEPLOYMENTS}?fieldManager=maker`, { body: { metadata: { name: "web" }, spec } });
    const path = `${DEPLOYMENTS}/web/scale`;
    const raw = "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: web}\nspec: {replicas: 3}";
    const conflict = await send("PATCH", `${path}?fieldManager=scaler`, { type: APPLY, raw });
    assert.equal(conflict.code, 409);
    assert.match(conflict.body.message, /conflict with "maker" using apps\/v1: \.spec\.replicas$/);
    const forced = await send("PATCH", `${path}?fieldManager=scaler&force=true`, { type: APPLY, raw });
    assert.deepEqual([forced.code, forced.body.kind, forced.body.spec], [200, "Scale", { replicas: 3 }]);
    const { metadata } = (await send("GET", `${DEPLOYMENTS}/web`)).body;
    const entry = metadata.managedFields.find(({ manager }: Json) => manager === "scaler");
    assert.deepEqual(
      [entry.operation, entry.apiVersion, entry.subresource, entry.fieldsV1],
      ["Apply", "apps/v1", "scale", { "f:spec": { "f:replicas": {} } }],
    );
    const wrong = await send("PATCH", `${path}?fieldManager=scaler`, {
      type: APPLY,
      raw: raw.replace("autoscaling/v1", "apps/v1"),
    });
    assert.match(wrong.body.message, /Specified patch version: apps\/v1, expected: autoscaling\/v1$/);
  });

  test("managedFields are bounded: older updates become one entry", async () => {
    await send("POST", MAPS, { body: configMap("many", { data: { a: "1" } }) });
    for (let i = 0; i < 14; i++) {
      const body = { data: { [`k${i}`]: "x" } };
      await send("PATCH", `${MAPS}/many?fieldManager=m${i}`, { type: MERGE, body });
    }
    const { managedFields } = (await send("GET", `${MAPS}/many`)).body.metadata;
    assert.equal(managedFields.filter(({ operation }: Json) => operation === "Update").length, 10);
    assert.ok(managedFields.some(({ manager }: Json) => manager === "ancient-changes"));
    const reset = { metadata: { managedFields: [{}] } };
    const cleared = await send("PATCH", `${MAPS}/many`, { type: MERGE, body: reset });
    assert.equal(cleared.body.metadata.managedFields, undefined);
  });

  test("an object whose last finalizer goes is answered as its writer left it", async () => {
    await send("POST", MAPS, {
      body: configMap("final", { metadata: { name: "final", finalizers: ["a.b/c"] } }),
    });
    const marked = await send("DELETE", `${MAPS}/final`);
    assert.equal(marked.body.metadata.deletionGracePeriodSeconds, 0);
    const body = { metadata: { finalizers: [] } };
    const gone = await send("PATCH", `${MAPS}/final`, { type: MERGE, body });
    assert.deepEqual([gone.code, gone.body.metadata.finalizers ?? []], [200, []]);
    assert.equal((await send("GET", `${MAPS}/final`)).code, 404);
  });

  test("dry runs of subresources change nothing, and connections have none", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    await send("POST", pods, {
      body: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } },
    });
    const untouched = (await send("GET", `${pods}/p`)).body;
    const writes: readonly (readonly [method: string, path: string, body: object])[] = [
      ["POST", "binding", { metadata: { name: "p" }, target: { kind: "Node", name: "n" } }],
      ["POST", "eviction", { metadata: { name: "p" } }],
      ["PUT", "status", { metadata: { name: "p" }, status: { phase: "Running" } }],
    ];
    for (const [method, path, body] of writes) {
      const answer = await send(method, `${pods}/p/${path}?dryRun=All`, { body });
      assert.ok(answer.code < 300, answer.text);
    }
    assert.deepEqual((await send("GET", `${pods}/p`)).body, untouched);
    const { code, body } = await send("POST", `${pods}/p/exec?command=ls&dryRun=All`);
    assert.deepEqual([code, body.message], [400, "dryRun is not supported"]);
  });

  suite("deletes", () => {
    const cases: readonly (readonly [query: string, sending: Sending, code: number, message: string])[] = [
      ["gracePeriodSeconds=x", {}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
      ["uid=x", {}, 409, "the UID in the precondition (x) does not match the UID in record ("],
      ["", { body: { preconditions: { resourceVersion: "1" } } }, 409, "The object might have been modified"],
      ["", { body: { kind: "Pod", apiVersion: "v1" } }, 400, 'no kind "Pod" is registered for version "v1"'],
      [
        "",
        { body: { gracePeriodSeconds: "x" } },
        400,
        "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
      ],
      [
        "",
        { body: { dryRun: ["Some"] } },
        422,
        'dryRun: Unsupported value: ["Some"]: supported values: "All"',
      ],
      [
        "propagationPolicy=Orphan&orphanDependents=true",
        {},
        422,
        "orphanDependents and deletionPropagation cannot be both set",
      ],
    ];
    for (const [query, sending, code, message] of cases) {
      test(`with ${query || JSON.stringify(sending.body)} are refused`, async () => {
        const answer = await send("DELETE", `${MAPS}/kept?${query}`, sending);
        assert.equal(answer.code, code, answer.text);
        assert.ok(answer.body.message.includes(message), answer.body.message);
      });
    }

    test("take their options from the body, else from the query", async () => {
      assert.equal((await send("DELETE", `${MAPS}/kept?dryRun=All`)).code, 200);
      assert.equal((await send("DELETE", `${MAPS}/kept`, { body: { dryRun: ["All"] } })).code, 200);
      assert.equal((await send("GET", `${MAPS}/kept`)).code, 200);
      await send("POST", MAPS, { body: configMap("gone") });
      assert.equal((await send("DELETE", `${MAPS}/gone?dryRun=All`, { body: {} })).code, 200);
      assert.equal((await send("GET", `${MAPS}/gone`)).code, 404);
    });
  });
});

/** As the header carries it: cut. */
function ownersWarning(when: string): string {
  const why = "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24";
  const text = `.metadata.ownerReferences contains duplicate entries${when}; ${why}; please fix your requests`;
  return `${text}; duplicate UID(s) observed: u`.slice(0, 256);
}
