/** Files of ConfigMaps and Secrets follow their objects: changed, made late, taken away; and what may not change. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import type { ConfigMap, Secret } from "#api/core/v1/types.gen";
import { isInvalid, type Kind } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import {
  CONFIG_MAP,
  newConfigMap,
  newSecret,
  PROJECTED_CONFIG_MAP,
  PROJECTED_SECRET,
  SECRET,
} from "./keyed-sources.ts";
import { found, look, read, shellUntil, startLook, statOf } from "./volume-pods.ts";

const NODE = "[NodeConformance]";

for (const source of [CONFIG_MAP, PROJECTED_CONFIG_MAP])
  conformance(
    `[sig-storage] ${source.title} updates should be reflected in volume ${NODE}`,
    { containers: true },
    async (t) => {
      await source.create(t, "o", { "data-1": "value-1", gone: "x" });
      await startLook(t, "p", {
        volumes: [source.volume("v", "o", { defaultMode: 0o640 })],
        script: [
          shellUntil('[ "$(cat /v/data-1)" = value-2 ]'),
          // the change is one step: nobody sees half of it
          "ls -1 /v",
          "cat /v/data-1 /v/new",
          statOf("/v/new"),
        ].join("\n"),
      });
      assert.equal(await read(t, "p", "/v/data-1", "/v/gone"), "value-1x");
      await source.replace(t, "o", { "data-1": "value-2", new: "!\n" });
      // Only the names are brought up one by one.
      assert.match(await found(t, "p"), /^data-1\n(gone\n)?new\nvalue-2!\n640 0 0\n$/);
    },
  );

for (const source of [CONFIG_MAP, PROJECTED_CONFIG_MAP, SECRET, PROJECTED_SECRET])
  conformance(
    `[sig-storage] ${source.title} optional updates should be reflected in volume ${NODE}`,
    { containers: true },
    async (t) => {
      await source.create(t, "removed", { "data-1": "value-1" });
      await source.create(t, "changed", { "data-1": "value-1" });
      const items = [{ key: "data-3", path: "late/data-3" }];
      await startLook(t, "p", {
        volumes: [
          source.volume("removed", "removed", { optional: true }),
          source.volume("changed", "changed", { optional: true, items }),
          source.volume("made", "made", { optional: true }),
        ],
        script: [
          "ls -1 /removed /changed /made",
          shellUntil("[ -e /made/data-1 ]"),
          shellUntil("[ -e /changed/late/data-3 ]"),
          shellUntil("[ ! -e /removed/data-1 ]"),
          "cat /made/data-1 /changed/late/data-3",
        ].join("\n"),
      });
      // It runs although an object and a key are not there.
      assert.equal(await read(t, "p", "/removed/data-1"), "value-1");
      await source.remove(t, "removed");
      await source.replace(t, "changed", { "data-3": "value-3" });
      await source.create(t, "made", { "data-1": "late" });
      assert.equal(await found(t, "p"), "/changed:\n\n/made:\n\n/removed:\ndata-1\nlatevalue-3");
    },
  );

conformance(
  `[sig-storage] ConfigMap binary data should be reflected in volume ${NODE}`,
  { containers: true },
  async (t) => {
    const bytes = Buffer.from([0xde, 0xca, 0xfe, 0x00, 0xba, 0xd0, 0xff, 0x0a, 0x80]);
    const map: ConfigMap = {
      ...newConfigMap(t.namespace, "o", { text: "plain" }),
      binaryData: { "dump.bin": bytes.toString("base64") },
    };
    await t.client.create(ConfigMaps, map, t.signal);
    const shown = await look(t, "p", {
      volumes: [CONFIG_MAP.volume("v", "o")],
      script: "cat /v/text; echo; wc -c </v/dump.bin; sha256sum </v/dump.bin",
    });
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    assert.equal(shown, `plain\n${bytes.length}\n${digest}  -\n`);
  },
);

conformance(
  `[sig-storage] Secrets should be able to mount in a volume regardless of a different secret existing with same name in different namespace ${NODE}`,
  { containers: true },
  async (t) => {
    await SECRET.create(t, "same", { "data-1": "theirs" }, await t.newNamespace());
    await SECRET.create(t, "same", { "data-1": "ours" });
    const shown = await look(t, "p", { volumes: [SECRET.volume("v", "same")], script: "cat /v/data-1" });
    assert.equal(shown, "ours");
  },
);

conformance(
  "[sig-storage] ConfigMap should be immutable if `immutable` field is set",
  { containers: true },
  (t) =>
    checkImmutable(
      t,
      ConfigMaps,
      newConfigMap(t.namespace, "o", { key: "1" }),
      newConfigMap(t.namespace, "o", { key: "2" }),
    ),
);

conformance(
  "[sig-storage] Secrets should be immutable if `immutable` field is set",
  { containers: true },
  (t) =>
    checkImmutable(
      t,
      Secrets,
      newSecret(t.namespace, "o", { key: "1" }),
      newSecret(t.namespace, "o", { key: "2" }),
    ),
);

async function checkImmutable<T extends ConfigMap | Secret>(
  { client, signal }: ConformanceContext,
  kind: Kind<T>,
  before: T,
  after: T,
): Promise<void> {
  await client.create(kind, before, signal);
  await client.update(kind, after, signal);
  const sealed = await client.update(kind, { ...after, immutable: true }, signal);
  assert.equal(sealed.immutable, true);
  const changes: readonly (readonly [string, T])[] = [
    ["data", { ...before, immutable: true }],
    ["the mark itself", { ...after, immutable: false }],
    ["the mark left out", after],
  ];
  for (const [what, changed] of changes)
    await assert.rejects(client.update(kind, changed, signal), isInvalid, `${what} stays`);
  const annotations = { note: "may change" };
  const noted = { ...after, immutable: true, metadata: { ...after.metadata, annotations } };
  assert.deepEqual((await client.update(kind, noted, signal)).metadata.annotations, annotations);
  const kept = await client.get(kind, before.metadata, signal);
  assert.deepEqual(kept.data, after.data);
  await client.delete(kind, before.metadata, signal);
  assert.deepEqual((await client.create(kind, before, signal)).data, before.data, "a new object begins anew");
}
