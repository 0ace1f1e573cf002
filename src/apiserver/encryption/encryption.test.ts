import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, test } from "node:test";
import { inspect } from "node:util";
import { FakeClock } from "#apimachinery";
import { openMemoryStore, type Store } from "#storage";
import { storeConformance } from "#storage/testing";
import { CONFIG_MAPS, configMap, refusal, start } from "../server-fixture.ts";
import { EncryptedStore } from "./encrypted-store.ts";
import { loadEncryption } from "./load.ts";
import { TransformationMetrics } from "./metrics.ts";
import { resourceTransformers } from "./resource-transformers.ts";

const SECRETS = "/api/v1/namespaces/default/secrets";
const KEY = "/registry/core/secrets/default/s";
const secret = { metadata: { name: "s" }, stringData: { password: "hunter2" } };
const keyOf = (name: string): object => ({ name, secret: Buffer.alloc(32, name).toString("base64") });
let folder = "";
let configFile = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-encryption-"));
  configFile = join(folder, "encryption.yaml");
});
afterEach(() => rm(folder, { recursive: true }));

async function configure(...keys: readonly string[]): Promise<void> {
  const providers = [...keys.map((name) => ({ aesgcm: { keys: [keyOf(name)] } })), { identity: {} }];
  const configuration = {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers }],
  };
  await writeFile(configFile, JSON.stringify(configuration));
}

async function stored(store: Store): Promise<string> {
  return Buffer.from((await store.get(KEY))!.value).toString("latin1");
}

// The contract does not change under encryption.
storeConformance(
  "encrypted memory",
  async () => {
    const configuration = {
      resources: [{ resources: ["*.*"], providers: [{ aesgcm: { keys: [keyOf("a")] } }] }],
    };
    const metrics = new TransformationMetrics(new FakeClock(), "");
    return new EncryptedStore(await openMemoryStore(), resourceTransformers(configuration, metrics));
  },
  { modelRuns: 10 },
);

test("Encryption stores chosen resources encrypted, and serves them as they are", async () => {
  await configure("one");
  const store = await openMemoryStore();
  const first = await start({ store, encryption: { configFile } });
  await first.send("POST", SECRETS, secret);
  await first.send("POST", CONFIG_MAPS, configMap("plain"));
  assert.ok((await stored(store)).startsWith("k8s:enc:aesgcm:v1:one:"));
  assert.ok(!(await stored(store)).includes("Secret"));
  const other = (await store.get("/registry/core/configmaps/default/plain"))!.value;
  assert.ok(Buffer.from(other).toString().startsWith("{"));
  await first.server.close();
  const again = await start({ store, encryption: { configFile } });
  const read = (await again.send("GET", `${SECRETS}/s`)) as { data?: Record<string, string> };
  assert.equal(read.data?.["password"], Buffer.from("hunter2").toString("base64"));
});

test("Encryption writes what is there again when another key comes first", async () => {
  await configure("one");
  const store = await openMemoryStore();
  const first = await start({ store, encryption: { configFile } });
  await first.send("POST", SECRETS, secret);
  await first.server.close();
  await configure("two", "one");
  const rotated = await start({ store, encryption: { configFile } });
  const read = await rotated.send("GET", `${SECRETS}/s`);
  const written = await rotated.send("PUT", `${SECRETS}/s`, read);
  assert.ok((await stored(store)).startsWith("k8s:enc:aesgcm:v1:two:"));
  assert.notEqual(written.metadata.resourceVersion, read.metadata.resourceVersion);
  const third = await rotated.send("PUT", `${SECRETS}/s`, written);
  assert.equal(third.metadata.resourceVersion, written.metadata.resourceVersion);
});

test("Encryption says that it cannot read, for the object and its list, and reads after the key has come back", async () => {
  await configure("one");
  const store = await openMemoryStore();
  const first = await start({ store, encryption: { configFile } });
  await first.send("POST", SECRETS, secret);
  await first.server.close();
  await configure("two");
  const clock = new FakeClock(Date.parse("2026-01-01T00:00:00Z"));
  const { send, transport } = await start({
    store,
    clock,
    encryption: { configFile, automaticReload: true },
  });
  const why = `Internal error occurred: unable to transform key "${KEY}": no matching key was found for the provided AES transformer`;
  for (const path of [SECRETS, `${SECRETS}/s`]) {
    const { code, message } = (await refusal(send("GET", path))).toStatus();
    assert.deepEqual([code, message], [500, why]);
  }
  await assert.rejects(send("PUT", `${SECRETS}/s`, secret), /unable to transform key/);
  await assert.rejects(send("DELETE", `${SECRETS}/s`), /unable to transform key/);
  await send("GET", CONFIG_MAPS);
  const { signal } = new AbortController();
  const metrics = async (): Promise<string> =>
    String((await transport.request({ method: "GET", path: "/metrics" }, signal)).body);
  // The file is read by threads of the runtime, which take their time.
  const reload = async (status: "failure" | "success"): Promise<void> => {
    clock.advance(60_000);
    const line = `automatic_reloads_total{apiserver_id_hash="",status="${status}"} 1`;
    while (!(await metrics()).includes(line)) await setImmediate();
  };
  await writeFile(configFile, "kind: Nonsense");
  await reload("failure");
  await configure("two", "one");
  await reload("success");
  assert.equal((await send("GET", `${SECRETS}/s`)).metadata.name, "s");
  assert.ok(
    (await metrics()).includes(
      `transformation_operations_total{resource="secrets",status="OK",transformation_type="from_storage"`,
    ),
  );
});

const whole = (key: string): string =>
  JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers: [{ aescbc: { keys: [{ name: "k", secret: key }] } }] }],
  });

test("loadEncryption() tells of a broken configuration without the keys in it", async () => {
  for (const text of [
    whole("aHVudGVyMg=="),
    whole("hunter2!"),
    whole(""),
    `${whole("aHVudGVyMg==").slice(0, -1)}, "hunter2": "hunter2"`,
    'kind: EncryptionConfiguration\nresources:\n- secret: hunter2\n   - b: "hunter2"',
  ]) {
    await writeFile(configFile, text);
    await assert.rejects(loadEncryption(configFile, false), (err) => {
      assert.doesNotMatch(inspect(err, { depth: Infinity }), /hunter2|aHVudGVyMg/);
      return true;
    });
  }
});

test("Encryption does not start with a configuration that is wrong", async () => {
  const store = await openMemoryStore();
  const encryption = { configFile };
  await assert.rejects(start({ store, encryption }), /error reading encryption provider configuration file/);
  await writeFile(configFile, "");
  await assert.rejects(start({ store, encryption }), /is empty/);
  const unknown = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresource: []\n";
  await writeFile(configFile, unknown);
  await assert.rejects(start({ store, encryption }), /unknown field "resource"/);
});
