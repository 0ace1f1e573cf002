import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { silentLogger, systemClock } from "#apimachinery";
import { loadImageTar } from "./load-image-tar.ts";

const CASES: readonly [what: string, path: string, message: RegExp][] = [
  ["a file that is not there", "nope.tar", /^Cannot read .*nope\.tar$/],
  ["a folder", ".", / is not a file$/],
];
for (const [what, path, message] of CASES) {
  test(`loadImageTar names the path it was given: ${what}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-load-"));
    const options = {
      path: join(folder, path),
      socketPath: join(folder, "containerd.sock"),
      clock: systemClock,
      logger: silentLogger,
      importId: "test",
      nodeArch: "x64",
    };
    const loading = loadImageTar(options, new AbortController().signal);
    await assert.rejects(loading, { name: "ImageBuildError", message });
    await rm(folder, { recursive: true });
  });
}
