/** Folders that live as long as their pod, on disk and in memory: who may write, what is shared, what does not meet. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Volume } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { CONFIG_MAP, SECRET } from "./keyed-sources.ts";
import { found, look, podOf } from "./volume-pods.ts";

const SUITE = "[sig-storage] EmptyDir";
const LINUX = "[LinuxOnly] [NodeConformance]";
const USERS = { root: 0, "non-root": 1001 } as const;
const MEDIA = { default: "", tmpfs: "Memory" } as const;

type Medium = keyof typeof MEDIA;

function emptyDir(medium: Medium): Volume {
  return { name: "v", emptyDir: MEDIA[medium] === "" ? {} : { medium: MEDIA[medium] } };
}

/** The type of the file system that is mounted at `/v`. */
const TYPE = "awk '$2 == \"/v\" { print $3 }' /proc/mounts";

function checkType(shown: string, medium: Medium): void {
  if (medium === "tmpfs") assert.equal(shown, "tmpfs");
  else assert.notEqual(shown, "tmpfs");
}

for (const user of ["root", "non-root"] as const)
  for (const mode of ["0644", "0666", "0777"])
    for (const medium of ["tmpfs", "default"] as const)
      conformance(
        `${SUITE} volumes should support (${user},${mode},${medium}) ${LINUX}`,
        { containers: true },
        async (t) => {
          const uid = USERS[user];
          const shown = await look(t, "p", {
            volumes: [emptyDir(medium)],
            container: { securityContext: { runAsUser: uid } },
            script: [
              TYPE,
              "ls -A /v | wc -l",
              "umask 0; printf content >/v/f",
              `chmod ${mode} /v/f`,
              "stat -c '%a %u' /v/f; cat /v/f; echo",
              "test -x /v/f && echo runs || echo 'does not run'",
              "mkdir /v/d; mv /v/f /v/d/f; rm -r /v/d; ls -A /v | wc -l",
            ].join("\n"),
          });
          const [type = "", ...rest] = shown.trimEnd().split("\n");
          checkType(type, medium);
          const runs = mode === "0777" ? "runs" : "does not run";
          assert.deepEqual(rest, ["0", `${Number(mode)} ${uid}`, "content", runs, "0"]);
        },
      );

for (const [medium, where] of [
  ["default", "default medium"],
  ["tmpfs", "tmpfs"],
] as const)
  conformance(
    `${SUITE} volumes volume on ${where} should have the correct mode ${LINUX}`,
    { containers: true },
    async (t) => {
      const shown = await look(t, "p", {
        volumes: [emptyDir(medium)],
        script: `${TYPE}; stat -c '%a %u %g' /v`,
      });
      const [type = "", stat = ""] = shown.trimEnd().split("\n");
      checkType(type, medium);
      // The sticky bit may stand before it: a file system in memory has one of its own.
      assert.match(stat, /^1?777 0 0$/);
    },
  );

conformance(
  `${SUITE} volumes pod should support shared volumes between containers`,
  { containers: true },
  async (t) => {
    const pod = podOf(t, "p", {
      volumes: [emptyDir("default")],
      script: "until [ -e /v/done ]; do sleep 0.05; done; cat /v/text; echo back >/v/answer",
    });
    const other = {
      name: "other",
      image: WEB_IMAGE,
      command: [
        "sh",
        "-ec",
        [
          "echo 'from the other' >/shared/text; touch /shared/done",
          "until [ -e /shared/answer ]; do sleep 0.05; done; cat /shared/answer >/dev/termination-log",
        ].join("\n"),
      ],
      volumeMounts: [{ name: "v", mountPath: "/shared" }],
    };
    const containers = [...pod.spec!.containers, other];
    await t.client.create(Pods, { ...pod, spec: { ...pod.spec!, containers } }, t.signal);
    assert.equal(await found(t, "p"), "from the other\n");
    const { status } = await t.client.get(Pods, { namespace: t.namespace, name: "p" }, t.signal);
    const last = status?.containerStatuses?.find(({ name }) => name === "other");
    assert.equal(last?.state?.terminated?.message, "back\n");
  },
);

conformance(`${SUITE} wrapper volumes should not conflict`, { containers: true }, async (t) => {
  await SECRET.create(t, "o", { key: "secret" });
  await CONFIG_MAP.create(t, "o", { key: "config" });
  const shown = await look(t, "p", {
    volumes: [SECRET.volume("secret", "o"), CONFIG_MAP.volume("config", "o"), emptyDir("default")],
    script: "cat /secret/key; echo; cat /config/key; echo; ls -A /v | wc -l; ls /secret /config",
  });
  assert.equal(shown, "secret\nconfig\n0\n/config:\nkey\n\n/secret:\nkey\n");
});

/** Volumes of a pod, pods at a time on one node, and rounds. */
const VOLUMES = 50;
const PODS = 5;
const ROUNDS = 2;

conformance(
  `${SUITE} wrapper volumes should not cause race condition when used for configmaps [Serial]`,
  { containers: true },
  async (t) => {
    const names = Array.from({ length: VOLUMES }, (_, i) => `m${i}`);
    await Promise.all(names.map((name) => CONFIG_MAP.create(t, name, { key: `${name}\n` })));
    const all = `${names.join("\n")}\n`;
    for (let round = 0; round < ROUNDS; round++) {
      const pods = Array.from({ length: PODS }, (_, i) => `p${round}-${i}`);
      const started = await Promise.all(pods.map((pod) => startRacer(t, pod, names)));
      assert.deepEqual(
        started,
        pods.map(() => all),
      );
      await Promise.all(
        pods.map(async (name) => {
          const ref = { namespace: t.namespace, name };
          await t.client.delete(Pods, ref, t.signal);
          await t.waitGone(Pods, ref);
        }),
      );
    }
  },
);

/** All on one node: its name goes before the scheduler's choice. */
async function startRacer(t: ContainersContext, pod: string, maps: readonly string[]): Promise<string> {
  const nodeName = await firstNode(t);
  return look(t, pod, {
    volumes: maps.map((name) => CONFIG_MAP.volume(name, name)),
    spec: { nodeName },
    script: maps.map((name) => `cat /${name}/key`).join("\n"),
  });
}

async function firstNode(t: ContainersContext): Promise<string> {
  return (await t.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
}
