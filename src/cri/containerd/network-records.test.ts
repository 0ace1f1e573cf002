import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { forgetNetworks, parseRecord } from "./network-records.ts";

const OURS = "/run/k8ts/a/node";

function record(containerId: string, ...sandboxes: readonly string[]): string {
  const interfaces = [{ name: "cni0" }, ...sandboxes.map((sandbox) => ({ name: "eth0", sandbox }))];
  return JSON.stringify({ kind: "cniCacheV1", containerId, result: { interfaces } });
}

suite("forgetNetworks", () => {
  for (const [what, files, left] of [
    [
      "removes those that lead to a namespace below its folder",
      {
        "k8ts-c1-eth0": record("c1", `${OURS}/netns/1`),
        "cni-loopback-c1-lo": record("c1", `${OURS}/netns/1`),
      },
      [],
    ],
    [
      "removes a container's records that say nothing of a namespace with the one that does",
      {
        "k8ts-c1-eth0": record("c1", `${OURS}/netns/1`),
        "cni-loopback-c1-lo": record("c1"),
        "x-c1-eth1": "",
      },
      [],
    ],
    ["removes those of sandboxes that are known, whatever they say", { "k8ts-known-eth0": "{" }, []],
    [
      "knows the path as newer records have it",
      { "k8ts-c1-eth0": JSON.stringify({ kind: "cniCacheV1", containerId: "c1", netns: `${OURS}/netns/1` }) },
      [],
    ],
    [
      "leaves those of another node, of a folder with a longer name, of nobody that is known",
      {
        "k8ts-c1-eth0": record("c1", "/run/k8ts/b/node/netns/1"),
        "k8ts-c2-eth0": record("c2", `${OURS}-m02/netns/1`),
        "k8ts-c3-eth0": record("c3"),
        "k8ts-known2-eth0": record("known2", "/var/run/netns/1"),
      },
      ["k8ts-c1-eth0", "k8ts-c2-eth0", "k8ts-c3-eth0", "k8ts-known2-eth0"],
    ],
    [
      "leaves what is no record",
      { "notes-c1-eth0": `{"netns":"${OURS}/netns/1"}`, half: "{" },
      ["half", "notes-c1-eth0"],
    ],
  ] as const) {
    test(`forgetNetworks ${what}`, async (t) => {
      const dir = await mkdtemp(join(tmpdir(), "k8ts-records-"));
      t.after(() => rm(dir, { recursive: true }));
      for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
      await forgetNetworks({ sandboxes: new Set(["known"]), folders: [OURS] }, dir);
      assert.deepEqual((await readdir(dir)).toSorted(), left);
    });
  }

  test("forgetNetworks does nothing where there are none", async () => {
    await forgetNetworks({ sandboxes: new Set(), folders: [OURS] }, "/nowhere");
  });
});

test("parseRecord takes nothing from a record of a form that it does not know", () => {
  for (const text of ["", "null", "[]", '{"kind":"cniCacheV2","containerId":"c"}', '{"kind":"cniCacheV1"}'])
    assert.equal(parseRecord(text), undefined);
  const odd = JSON.stringify({
    kind: "cniCacheV1",
    containerId: "c",
    result: { interfaces: [JSON.parse("null")] },
  });
  assert.deepEqual(parseRecord(odd), { containerId: "c", namespaces: [] });
});
