/** CustomResourceDefinitions against the real API server in this process: from definition to deletion. @module */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StatusError, type Kind, type KubeObject } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { Namespaces } from "#api/core/v1/namespace";
import type { Namespace } from "#api/core/v1/types.gen";
import { createApiServer } from "#apiserver";
import { dynamicKind, newClient, newInformerFactory, type Unstructured } from "#client";
import { openMemoryStore } from "#storage";
import { startCluster } from "./controllers-cluster.ts";
import {
  condition,
  CRDS,
  definition,
  refused,
  SCHEMA,
  start,
  tab,
  TABS,
  WAIT_MS,
  type Fields,
} from "./crd-fixture.ts";

function broken(schema: object): KubeObject {
  return definition({ schema: { openAPIV3Schema: schema }, selectableFields: [] });
}

function placed(namespace: string, name: string, more: object = {}): KubeObject {
  return { ...tab(name), metadata: { name, namespace, ...more } };
}

suite("CustomResourceDefinition", () => {
  test("CustomResourceDefinition gets its defaults and conditions, and serves its kind", async () => {
    await using server = await start();
    const crd = await server.install();
    assert.deepEqual(crd["spec"].names, {
      plural: "crontabs",
      singular: "crontab",
      shortNames: ["ct"],
      kind: "CronTab",
      listKind: "CronTabList",
      categories: ["all"],
    });
    assert.deepEqual(crd["spec"].conversion, { strategy: "None" });
    assert.deepEqual(crd["status"].storedVersions, ["v1"]);
    assert.deepEqual(
      crd["status"].conditions.map(({ type, status, reason }: Fields) => [type, status, reason]),
      [
        ["NamesAccepted", "True", "NoConflicts"],
        ["Established", "True", "InitialNamesAccepted"],
      ],
    );
    assert.deepEqual(crd["status"].acceptedNames.shortNames, ["ct"]);

    const resources = await server.send("GET", "/apis/stable.example.com/v1");
    assert.deepEqual(
      resources["resources"].map(({ name, kind }: Fields) => [name, kind]),
      [
        ["crontabs", "CronTab"],
        ["crontabs/scale", "Scale"],
        ["crontabs/status", "CronTab"],
      ],
    );
    const groups = await server.send("GET", "/apis");
    assert.ok(groups["groups"].some(({ name }: Fields) => name === "stable.example.com"));
    const list = await server.send("GET", TABS);
    assert.deepEqual(
      [list["kind"], list["apiVersion"], list["items"]],
      ["CronTabList", "stable.example.com/v1", []],
    );
    const openApi = await server.send("GET", "/openapi/v3/apis/stable.example.com/v1");
    const { properties } = openApi["components"].schemas["com.example.stable.v1.CronTab"];
    assert.equal(properties.spec.properties.image.default, "busybox");
    assert.ok(properties.metadata.allOf);
  });

  test("CustomResourceDefinition is refused when its schema or its rules are wrong", async () => {
    await using server = await start();
    const at = "spec.versions[0].schema.openAPIV3Schema";
    const cases: readonly (readonly [crd: KubeObject, message: string])[] = [
      [
        { ...definition(), metadata: { name: "x" } },
        'metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group',
      ],
      [
        definition({}, { group: "nodots" }),
        'spec.group: Invalid value: "nodots": should be a domain with at least one dot',
      ],
      [
        definition({}, { scope: "Galaxy" }),
        'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"',
      ],
      [definition({ storage: false }), "must have exactly one version marked as storage version"],
      [definition({ schema: undefined }), "spec.versions[0].schema.openAPIV3Schema: Required value"],
      [
        broken({ type: "object", properties: { a: {} } }),
        `${at}.properties[a].type: Required value: must not be empty for specified object fields`,
      ],
      [
        broken({ type: "object", properties: { a: { type: "strin" } } }),
        `${at}.properties[a].type: Unsupported value: "strin"`,
      ],
      [
        broken({ type: "object", properties: { a: { type: "string", pattern: "(" } } }),
        "must be a valid regular expression, but isn't",
      ],
      [
        broken({ type: "object", properties: { a: { type: "integer", default: "x" } } }),
        "properties[a].default in body must be of type integer",
      ],
      [
        broken({
          type: "object",
          properties: { a: { type: "array", items: { type: "string" }, uniqueItems: true } },
        }),
        "uniqueItems cannot be set to true",
      ],
      [
        broken({
          type: "object",
          properties: { a: { type: "string", "x-kubernetes-validations": [{ rule: "self.unheardOf()" }] } },
        }),
        "unheardOf",
      ],
    ];
    for (const [crd, message] of cases) {
      const [code, text] = await refused(server.send("POST", CRDS, crd));
      assert.equal(code, 422, text);
      assert.ok(text.includes(message), text);
    }
  });

  test("CustomResourceDefinition waits for names that another one has", async () => {
    await using server = await start();
    await server.install();
    const other = definition(
      {},
      { names: { plural: "others", kind: "CronTab", listKind: "Others", shortNames: ["ct"] } },
    );
    await server.send("POST", CRDS, { ...other, metadata: { name: "others.stable.example.com" } });
    const path = `${CRDS}/others.stable.example.com`;
    const held = (await server.until(path, (answer) => condition(answer, "NamesAccepted") === "False"))!;
    const names = held["status"].conditions.find(({ type }: Fields) => type === "NamesAccepted");
    assert.deepEqual([names.reason, names.message], ["KindConflict", '"CronTab" is already in use']);
    assert.equal(condition(held, "Established"), "False");
    await server.send("DELETE", `${CRDS}/crontabs.stable.example.com`);
    await server.until(path, (answer) => condition(answer, "Established") === "True");
  });

  test("CustomResourceDefinition takes its objects along when it is deleted", async () => {
    await using server = await start();
    await server.install();
    await server.send("POST", TABS, tab("a"));
    await server.send(
      "POST",
      TABS,
      tab("b", {}, { metadata: { name: "b", finalizers: ["example.com/wait"] } }),
    );
    const path = `${CRDS}/crontabs.stable.example.com`;
    await server.send("DELETE", path);
    const going = (await server.until(path, (answer) => condition(answer, "Terminating") === "True"))!;
    assert.deepEqual(going["metadata"].finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
    await server.until(`${TABS}/a`, (answer) => answer === undefined);
    assert.deepEqual(await refused(server.send("POST", TABS, tab("c"))), [
      405,
      "create not allowed while custom resource definition is terminating",
    ]);
    await server.send("PATCH", `${TABS}/b`, { metadata: { finalizers: [] } }, "application/merge-patch+json");
    await server.until(path, (answer) => answer === undefined);
    assert.equal((await refused(server.send("GET", TABS)))[0], 404);
    const groups = await server.send("GET", "/apis");
    assert.ok(!groups["groups"].some(({ name }: Fields) => name === "stable.example.com"));
    await server.install();
    assert.deepEqual((await server.send("GET", TABS))["items"], []);
  });
});

suite("custom resources", () => {
  test("custom resources are pruned and defaulted, with generation and owners of fields", async () => {
    await using server = await start();
    await server.install();
    const made = await server.send(
      "POST",
      TABS,
      tab(
        "a",
        { nope: 1, open: { x: { y: 1 } }, note: null, replicas: null },
        { status: { replicas: 3 }, top: 1 },
      ),
    );
    assert.deepEqual(made["spec"], {
      cronSpec: "* * * * */5",
      open: { x: { y: 1 } },
      note: null,
      image: "busybox",
      replicas: 1,
    });
    assert.deepEqual([made["status"], made["top"], made["metadata"].generation], [undefined, undefined, 1]);
    assert.equal(made["metadata"].managedFields[0].apiVersion, "stable.example.com/v1");
    const [code, message] = await refused(
      server.send("POST", `${TABS}?fieldValidation=Strict`, tab("b", { nope: 1 })),
    );
    assert.equal(code, 400);
    assert.match(message, /strict decoding error: unknown field "spec\.nope"$/);
    const changed = await server.send(
      "PATCH",
      `${TABS}/a`,
      { spec: { replicas: 2 } },
      "application/merge-patch+json",
    );
    assert.deepEqual([changed["spec"].replicas, changed["metadata"].generation], [2, 2]);
    const labelled = await server.send(
      "PATCH",
      `${TABS}/a`,
      { metadata: { labels: { x: "y" } } },
      "application/merge-patch+json",
    );
    assert.equal(labelled["metadata"].generation, 2);
  });

  test("custom resources are validated in upstream's words", async () => {
    await using server = await start();
    await server.install();
    const cases: readonly (readonly [spec: object, message: string])[] = [
      [
        { cronSpec: "x" },
        "spec.cronSpec: Invalid value: \"x\": spec.cronSpec in body should match '^\\S+( \\S+){4}$'",
      ],
      [{ cronSpec: undefined }, "spec.cronSpec: Required value"],
      [
        { replicas: 11 },
        "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
      ],
      [
        { replicas: "x" },
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      ],
      [{ policy: "Maybe" }, 'spec.policy: Unsupported value: "Maybe": supported values: "Allow", "Forbid"'],
      [
        { port: true },
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
      ],
      [{ env: [{ name: "a" }, { name: "a" }] }, 'spec.env[1]: Duplicate value: {"name":"a"}'],
      [{ policy: "Forbid", replicas: 2 }, "spec: Invalid value: forbidding needs one"],
    ];
    for (const [spec, message] of cases) {
      const [code, text] = await refused(server.send("POST", TABS, tab("a", spec)));
      assert.equal(code, 422, text);
      assert.ok(text.startsWith('CronTab.stable.example.com "a" is invalid: '), text);
      assert.ok(text.includes(message), text);
    }
    await server.send("POST", TABS, tab("a", { replicas: 3 }));
    const fewer = server.send(
      "PATCH",
      `${TABS}/a`,
      { spec: { replicas: 2 } },
      "application/merge-patch+json",
    );
    assert.match((await refused(fewer))[1], /spec\.replicas: Forbidden: never fewer/);
  });

  test("custom resources have status, scale, printer columns and selectable fields", async () => {
    await using server = await start();
    await server.install();
    const made = await server.send("POST", TABS, tab("a", { image: "one" }));
    await server.send("POST", TABS, tab("b"));
    const reported = await server.send("PUT", `${TABS}/a/status`, {
      ...made,
      metadata: { ...made["metadata"], labels: { x: "y" } },
      spec: { cronSpec: "0 0 0 0 0" },
      status: { replicas: 4, selector: "a=b" },
    });
    assert.deepEqual(
      [
        reported["status"],
        reported["spec"].cronSpec,
        reported["metadata"].generation,
        reported["metadata"].labels,
      ],
      [{ replicas: 4, selector: "a=b" }, "* * * * */5", 1, undefined],
    );
    const scale = await server.send("GET", `${TABS}/a/scale`);
    assert.deepEqual([scale["spec"], scale["status"]], [{ replicas: 1 }, { replicas: 4, selector: "a=b" }]);
    await server.send("PUT", `${TABS}/a/scale`, { ...scale, spec: { replicas: 5 } });
    assert.equal((await server.send("GET", `${TABS}/a`))["spec"].replicas, 5);

    const table = await server.send(
      "GET",
      TABS,
      undefined,
      undefined,
      "application/json;as=Table;g=meta.k8s.io;v=v1",
    );
    assert.deepEqual(
      table["columnDefinitions"].map(({ name }: Fields) => name),
      ["Name", "Spec", "Replicas"],
    );
    assert.deepEqual(
      table["rows"].map(({ cells }: Fields) => cells),
      [
        ["a", "* * * * */5", 5],
        ["b", "* * * * */5", 1],
      ],
    );
    const selected = await server.send("GET", `${TABS}?fieldSelector=spec.image%3Done`);
    assert.deepEqual(
      selected["items"].map((item: KubeObject) => item.metadata.name),
      ["a"],
    );
    assert.equal((await refused(server.send("GET", `${TABS}?fieldSelector=spec.nope%3Done`)))[0], 400);
  });

  test("custom resources take JSON, merge and apply patches, and no strategic ones", async () => {
    await using server = await start();
    await server.install();
    const apply = (manager: string, env: object[]): Promise<Fields> =>
      server.send(
        "PATCH",
        `${TABS}/a?fieldManager=${manager}`,
        tab("a", { env }),
        "application/apply-patch+yaml",
      );
    await apply("one", [{ name: "A", value: "1" }]);
    const both = await apply("two", [{ name: "B", value: "2" }]);
    assert.deepEqual(both["spec"].env, [
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ]);
    const [code, message] = await refused(apply("two", [{ name: "A", value: "3" }]));
    assert.equal(code, 409);
    assert.match(message, /conflict with "one".*\.spec\.env\[name="A"\]\.value/s);
    const less = await apply("one", []);
    assert.deepEqual(less["spec"].env, [{ name: "B", value: "2" }]);
    const json = [{ op: "replace", path: "/spec/image", value: "x" }];
    assert.equal(
      (await server.send("PATCH", `${TABS}/a`, json, "application/json-patch+json"))["spec"].image,
      "x",
    );
    const strategic = server.send(
      "PATCH",
      `${TABS}/a`,
      { spec: {} },
      "application/strategic-merge-patch+json",
    );
    assert.equal((await refused(strategic))[0], 415);
  });

  test("custom resources are watched by informers, whose watch outlives changes of the definition", async () => {
    await using server = await start();
    await server.install();
    const CronTabs = dynamicKind({
      group: "stable.example.com",
      version: "v1",
      kind: "CronTab",
      plural: "crontabs",
      namespaced: true,
    });
    const client = newClient(server.transport);
    const factory = newInformerFactory({ client, random: () => 0 });
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(WAIT_MS)]);
    const told: string[] = [];
    let wake: (() => void) | undefined;
    factory.informer(CronTabs).addEventHandler({
      onAdd: ({ metadata }) => (told.push(`+${metadata.name}`), wake?.()),
      onUpdate: (_old, { metadata }) => (told.push(`~${metadata.name}`), wake?.()),
      onDelete: ({ metadata }) => (told.push(`-${metadata.name}`), wake?.()),
    });
    factory.start(signal);
    await factory.waitForSync(signal);
    const tells = async (count: number): Promise<void> => {
      while (told.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    await client.create(CronTabs, placed("default", "a") as Unstructured, signal);
    await tells(1);
    await server.send("PATCH", `${TABS}/a`, { spec: { replicas: 2 } }, "application/merge-patch+json");
    await tells(2);
    await server.send("DELETE", `${TABS}/a`);
    await tells(3);
    assert.deepEqual(told, ["+a", "~a", "-a"]);
    stop.abort();
    await factory.stopped();
  });

  test("custom resources are read in every served version, with the defaults of today", async () => {
    await using server = await start();
    await server.install();
    await server.send("POST", TABS, tab("a"));
    const path = `${CRDS}/crontabs.stable.example.com`;
    const current = await server.send("GET", path);
    const [v1] = current["spec"].versions;
    const { spec } = SCHEMA["properties"];
    const schema = {
      ...SCHEMA,
      properties: {
        ...SCHEMA["properties"],
        spec: { ...spec, properties: { ...spec.properties, zone: { type: "string", default: "here" } } },
      },
    };
    const v2 = { ...v1, name: "v2", storage: true, schema: { openAPIV3Schema: schema } };
    await server.send("PUT", path, {
      ...current,
      spec: { ...current["spec"], versions: [{ ...v1, storage: false }, v2] },
    });
    const later = TABS.replace("/v1/", "/v2/");
    const read = (await server.until(`${later}/a`, (answer) => answer !== undefined))!;
    assert.deepEqual([read["apiVersion"], read["spec"].zone], ["stable.example.com/v2", "here"]);
    assert.equal((await server.send("GET", `${TABS}/a`))["spec"].zone, undefined);
    await server.send("POST", later, { ...tab("b", { zone: "there" }), apiVersion: "stable.example.com/v2" });
    const list = await server.send("GET", TABS);
    assert.deepEqual(
      list["items"].map(({ apiVersion, metadata, spec: own }: Fields) => [
        apiVersion,
        metadata.name,
        own.zone,
      ]),
      [
        ["stable.example.com/v1", "a", undefined],
        ["stable.example.com/v1", "b", undefined],
      ],
    );
    const stored = await server.send("GET", path);
    assert.deepEqual(stored["status"].storedVersions, ["v1", "v2"]);
    const group = await server.send("GET", "/apis/stable.example.com");
    assert.deepEqual(
      group["versions"].map(({ version }: Fields) => version),
      ["v2", "v1"],
    );
  });

  test("custom resources of an earlier server are served from the start", async () => {
    const store = await openMemoryStore();
    const first = await createApiServer({ store });
    const signal = AbortSignal.timeout(2 * WAIT_MS);
    const post = (path: string, body: object): Promise<unknown> =>
      first.transport().request({ method: "POST", path, body }, signal);
    await post(CRDS, definition());
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const done = await post(TABS, tab("a")).then(
        () => true,
        (err: unknown) => err instanceof StatusError && err.code !== 404,
      );
      if (done || Date.now() > deadline) break;
    }
    await first.close();
    await using second = await createApiServer({ store });
    const list = (await second.transport().request({ method: "GET", path: TABS }, signal)).body as Fields;
    assert.deepEqual(
      list["items"].map(({ metadata }: KubeObject) => metadata.name),
      ["a"],
    );
  });
});

test("custom resources go with their owners and their namespace", async () => {
  const CronTabs = dynamicKind({
    group: "stable.example.com",
    version: "v1",
    kind: "CronTab",
    plural: "crontabs",
    namespaced: true,
  }) as unknown as Kind;
  await using cluster = await startCluster([
    Namespaces as unknown as Kind,
    CustomResourceDefinitions as unknown as Kind,
  ]);
  const { client, signal, informers } = cluster;
  await client.create(CustomResourceDefinitions as unknown as Kind, definition(), signal);
  const definitions = informers.lister(CustomResourceDefinitions);
  await cluster.until("the definition is established", [CustomResourceDefinitions as unknown as Kind], () =>
    definitions
      .list()
      .some((crd) => crd.status?.conditions?.some((c) => c.type === "Established" && c.status === "True")),
  );
  const factory = newInformerFactory({ client });
  const gone = new Map<string, () => void>();
  factory.informer(CronTabs).addEventHandler({ onDelete: ({ metadata }) => gone.get(metadata.name)?.() });
  factory.start(signal);
  await factory.waitForSync(signal);
  const ends = (name: string): Promise<void> => new Promise((resolve) => gone.set(name, resolve));

  const owner = await client.create(CronTabs, placed("default", "owner"), signal);
  const { uid } = owner.metadata;
  const ref = { apiVersion: "stable.example.com/v1", kind: "CronTab", name: "owner", uid: uid! };
  await client.create(CronTabs, placed("default", "owned", { ownerReferences: [ref] }), signal);
  const ownedEnds = ends("owned");
  await client.delete(CronTabs, owner.metadata, signal);
  await ownedEnds;

  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } } as Namespace;
  await client.create(Namespaces, namespace, signal);
  await client.create(CronTabs, placed("n", "inside"), signal);
  const insideEnds = ends("inside");
  await client.delete(Namespaces, { name: "n" }, signal);
  await insideEnds;
});
