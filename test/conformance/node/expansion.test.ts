/** `$(NAME)` in variables, commands, arguments and paths in volumes. */
import assert from "node:assert/strict";
import { Events } from "#api/core/v1/event";
import { Pods } from "#api/core/v1/pod";
import type { EnvVar, VolumeMount } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, inside, sh, untilEnded, untilReady } from "./running-pods.ts";

const EXPANSION = "[sig-node] Variable Expansion should";
const containers = { containers: true } as const;
const VOLUMES = [{ name: "work", emptyDir: {} }];
const SUBPATH: EnvVar = {
  name: "SUBPATH",
  valueFrom: { fieldRef: { fieldPath: "metadata.annotations['subpath']" } },
};
const MOUNTS: readonly VolumeMount[] = [
  { name: "work", mountPath: "/sub", subPathExpr: "$(SUBPATH)" },
  { name: "work", mountPath: "/whole" },
];

async function printed(
  t: ContainersContext,
  command: readonly string[],
  args: readonly string[] = [],
): Promise<string> {
  const env = [
    { name: "FOO", value: "foo-value" },
    { name: "EMPTY", value: "" },
  ];
  const container = { name: "main", image: WEB_IMAGE, command, args, env };
  await createPod(t, "p", { restartPolicy: "Never", containers: [container] });
  await untilEnded(t, "p", "Succeeded");
  return t.kubectl("logs", "p");
}

conformance(
  `${EXPANSION} allow composing env vars into new env vars [NodeConformance]`,
  containers,
  async (t) => {
    const env = [
      { name: "FOO", value: "foo-value" },
      { name: "BAR", value: "bar-value" },
      { name: "FOOBAR", value: "$(FOO);;$(BAR)" },
      { name: "EARLY", value: "$(LATE)" },
      { name: "LATE", value: "late" },
      { name: "ESCAPED", value: "$$(FOO)" },
      { name: "UNKNOWN", value: "$(NOBODY)" },
    ];
    const container = { name: "main", image: WEB_IMAGE, command: ["env"], env };
    await createPod(t, "p", { restartPolicy: "Never", containers: [container] });
    await untilEnded(t, "p", "Succeeded");
    const lines = (await t.kubectl("logs", "p")).split("\n");
    assert.deepEqual(lines.filter((line) => /^(FOOBAR|EARLY|ESCAPED|UNKNOWN)=/.test(line)).toSorted(), [
      "EARLY=$(LATE)",
      "ESCAPED=$(FOO)",
      "FOOBAR=foo-value;;bar-value",
      "UNKNOWN=$(NOBODY)",
    ]);
  },
);

conformance(
  `${EXPANSION} allow substituting values in a container's command [NodeConformance]`,
  containers,
  async (t) => {
    const words = ["echo", "$(FOO)", "[$(EMPTY)]", "$$(FOO)", "$(NOBODY)"];
    assert.equal(await printed(t, words), "foo-value [] $(FOO) $(NOBODY)\n");
  },
);

conformance(
  `${EXPANSION} allow substituting values in a container's args [NodeConformance]`,
  containers,
  async (t) => {
    const words = ["$(FOO)", "[$(EMPTY)]", "$$(FOO)", "$(NOBODY)"];
    assert.equal(await printed(t, ["echo"], words), "foo-value [] $(FOO) $(NOBODY)\n");
  },
);

conformance(`${EXPANSION} allow substituting values in a volume subpath`, containers, async (t) => {
  const env: readonly EnvVar[] = [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
  const volumeMounts = [
    { name: "work", mountPath: "/sub", subPathExpr: "$(POD)/logs" },
    { name: "work", mountPath: "/whole" },
  ];
  const script = "echo found >/sub/file; cat /whole/p/logs/file >/dev/termination-log";
  const container = sh("main", script, { env, volumeMounts });
  await createPod(t, "p", { restartPolicy: "Never", volumes: VOLUMES, containers: [container] });
  const pod = await untilEnded(t, "p", "Succeeded");
  assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.message, "found\n");
});

conformance(`${EXPANSION} succeed in writing subpaths in container [Slow]`, containers, async (t) => {
  const main = idle("main", { env: [SUBPATH], volumeMounts: MOUNTS });
  const annotations = { subpath: "of-the-start" };
  const made = await createPod(t, "p", { volumes: VOLUMES, containers: [main] }, { annotations });
  await untilReady(t, "p");
  await inside(t, "p", "main", "echo written >/sub/file");
  assert.equal(await inside(t, "p", "main", "cat /whole/of-the-start/file"), "written\n");
  // A mount stays where it is; the annotation counts for the next start.
  const body = { metadata: { annotations: { subpath: "later" } } };
  await t.client.patch(Pods, made.metadata, { type: "merge", body }, t.signal);
  await inside(t, "p", "main", "echo again >>/sub/file");
  const script = "cat /whole/of-the-start/file; ls /whole";
  assert.equal(await inside(t, "p", "main", script), "written\nagain\nof-the-start\n");
});

/** Resolves when the container waits for a path that makes sense, with what it says. */
async function untilRefused(t: ContainersContext, subpath: string): Promise<string> {
  const main = idle("main", { env: [SUBPATH], volumeMounts: MOUNTS });
  await createPod(t, "p", { volumes: VOLUMES, containers: [main] }, { annotations: { subpath } });
  const pod = await t.waitFor(
    Pods,
    { namespace: t.namespace, name: "p" },
    (now) => now?.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
  );
  assert.equal(pod.status?.phase, "Pending");
  return pod.status.containerStatuses?.[0]?.state?.waiting?.message ?? "";
}

/** Says so in an event, too, and goes on waiting. */
async function checkRefused(t: ContainersContext, subpath: string): Promise<void> {
  const message = await untilRefused(t, subpath);
  assert.match(message, /SubPath/);
  await t.untilList("an event that tells of the failure", Events, (all) =>
    all.some(({ reason, message: text = "" }) => reason === "Failed" && text.includes(message)),
  );
}

conformance(
  `${EXPANSION} fail substituting values in a volume subpath with absolute path [Slow]`,
  containers,
  (t) => checkRefused(t, "/tmp"),
);

conformance(
  `${EXPANSION} fail substituting values in a volume subpath with backticks [Slow]`,
  containers,
  async (t) => {
    // Shells would run this; here it is a name, and leads out of the volume.
    await checkRefused(t, "`echo x`/../..");
  },
);

conformance(
  `${EXPANSION} verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow]`,
  containers,
  async (t) => {
    await untilRefused(t, "/tmp");
    const body = { metadata: { annotations: { subpath: "mended" } } };
    const ref = { namespace: t.namespace, name: "p" };
    await t.client.patch(Pods, ref, { type: "merge", body }, t.signal);
    const pod = await untilReady(t, "p");
    assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.equal(await inside(t, "p", "main", "echo x >/sub/file; ls /whole"), "mended\n");
  },
);
