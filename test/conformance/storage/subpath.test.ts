/** Single files and folders of volumes that kubelet writes: mounted by themselves, they stay what they were. */
import assert from "node:assert/strict";
import type { Volume } from "#api/core/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { CONFIG_MAP, PROJECTED_CONFIG_MAP, SECRET, type KeyedSource } from "./keyed-sources.ts";
import { found, read, shellUntil, startLook } from "./volume-pods.ts";

const SUITE = "[sig-storage] Subpath Atomic writer volumes should support subpaths with";
const PATH = "sub/dir/file";

/** In the image. */
const EXISTING = "/www/cgi-bin/index.cgi";

for (const [what, source, mountPath] of [
  ["secret pod", SECRET, "/one"],
  ["configmap pod", CONFIG_MAP, "/one"],
  ["configmap pod with mountPath of existing file", CONFIG_MAP, EXISTING],
  ["projected pod", PROJECTED_CONFIG_MAP, "/one"],
] as const)
  conformance(`${SUITE} ${what}`, { containers: true }, (t) => checkKeyed(t, source, mountPath));

conformance(`${SUITE} downward pod`, { containers: true }, async (t) => {
  const fieldRef = { fieldPath: "metadata.labels['mark']" };
  const volume: Volume = { name: "v", downwardAPI: { items: [{ path: PATH, fieldRef }] } };
  await checkSubpaths(t, volume, "/one", async () => {
    const body = { metadata: { labels: { mark: "after" } } };
    await t.client.patch(Pods, { namespace: t.namespace, name: "p" }, { type: "merge", body }, t.signal);
  });
});

async function checkKeyed(t: ContainersContext, source: KeyedSource, mountPath: string): Promise<void> {
  await source.create(t, "o", { key: "before" });
  const volume = source.volume("v", "o", { items: [{ key: "key", path: PATH }] });
  await checkSubpaths(t, volume, mountPath, () => source.replace(t, "o", { key: "after" }));
}

/** The documented limit of subpaths: the volume follows its source, they do not. */
async function checkSubpaths(
  t: ContainersContext,
  volume: Volume,
  mountPath: string,
  change: () => Promise<unknown>,
): Promise<void> {
  await startLook(t, "p", {
    volumes: [volume],
    metadata: { labels: { mark: "before" } },
    mounts: [
      { name: "v", mountPath: "/whole" },
      { name: "v", mountPath, subPath: PATH },
      { name: "v", mountPath: "/folder", subPath: "sub/dir" },
    ],
    script: [
      shellUntil(`[ "$(cat /whole/${PATH})" = after ]`),
      `cat ${mountPath}; ls /folder`,
      `if echo x 2>/dev/null >${mountPath}; then echo writable; fi`,
    ].join("\n"),
  });
  assert.equal(await read(t, "p", `/whole/${PATH}`, mountPath, "/folder/file"), "beforebeforebefore");
  await change();
  // The folder of the old files is removed after the change, whether or not somebody still has it open.
  assert.match(await found(t, "p"), /^before(file\n)?$/);
}
