/** `command` and `args` of a container against ENTRYPOINT and CMD of its image. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import type { Container } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { createPod, untilEnded } from "./running-pods.ts";

/** It says what it was given. */
const DOCKERFILE = `FROM ${WEB_IMAGE}
ENTRYPOINT ["/bin/echo", "entrypoint"]
CMD ["default", "arguments"]
`;
const OVERRIDE = ["/bin/echo", "override"];

/** What the container of the image prints. */
async function printed(t: ContainersContext, container: Partial<Container>): Promise<string> {
  const image = `demo/echo-${t.unique}:1`;
  const folder = await mkdtemp(join(tmpdir(), "k8ts-conformance-image-"));
  t.cleanup(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "Dockerfile"), DOCKERFILE);
  await t.cluster.k8ts("image", "build", "-t", image, folder);
  await createPod(t, "p", { restartPolicy: "Never", containers: [{ name: "main", image, ...container }] });
  await untilEnded(t, "p", "Succeeded");
  return t.kubectl("logs", "p");
}

const CASES: readonly (readonly [name: string, container: Partial<Container>, output: string])[] = [
  ["use the image defaults if command and args are blank", {}, "entrypoint default arguments"],
  [
    "be able to override the image's default arguments (container cmd)",
    { args: ["other", "words"] },
    "entrypoint other words",
  ],
  // The image's arguments belong to the image's command.
  [
    "be able to override the image's default command (container entrypoint)",
    { command: OVERRIDE },
    "override",
  ],
  [
    "be able to override the image's default command and arguments",
    { command: OVERRIDE, args: ["other", "words"] },
    "override other words",
  ],
];

for (const [name, container, output] of CASES)
  conformance(`[sig-node] Containers should ${name} [NodeConformance]`, { containers: true }, async (t) => {
    assert.equal(await printed(t, container), `${output}\n`);
  });
