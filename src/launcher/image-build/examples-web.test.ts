import assert from "node:assert/strict";
import { accessSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { imageArchitecture } from "#cri";
import { FileTree } from "./file-tree.ts";
import { readBaseImage } from "./base-image.ts";
import { buildImage } from "./build-image.ts";

const EXAMPLE = new URL("../../../examples/web", import.meta.url).pathname;
const signal = new AbortController().signal;

function whySkip(): string | false {
  try {
    accessSync("/bin/busybox");
    return false;
  } catch {
    return "/bin/busybox not found: apt-get install busybox-static";
  }
}

test("buildImage builds examples/web, version and all", { skip: whySkip() }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-web-"));
  try {
    const { names, output } = await buildImage(
      {
        context: EXAMPLE,
        tags: ["demo/web:2"],
        buildArgs: { VERSION: "2" },
        output: join(folder, "web.tar"),
        nodeArch: process.arch,
        installPackages: () => Promise.reject(new Error("busybox is here")),
      },
      signal,
    );
    assert.deepEqual(names, ["docker.io/demo/web:2"]);
    const tree = new FileTree();
    const { config } = await readBaseImage(output, folder, tree, imageArchitecture(process.arch), signal);
    assert.deepEqual(config.config.Env, ["PATH=/bin", "VERSION=2"]);
    for (const applet of [
      "sh",
      "wget",
      "nslookup",
      "id",
      "env",
      "cat",
      "ls",
      "sleep",
      "ps",
      "vi",
      "hostname",
    ])
      assert.equal(tree.resolve(`/bin/${applet}`), "/bin/busybox", applet);
    for (const script of ["/bin/serve", "/www/cgi-bin/index.cgi"])
      assert.equal((tree.get(script)?.mode ?? 0) & 0o111, 0o111, `${script} must be executable`);
  } finally {
    await rm(folder, { recursive: true });
  }
});
