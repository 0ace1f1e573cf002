/** Files made of ConfigMaps and Secrets: contents, paths, modes, owners. */
import assert from "node:assert/strict";
import type { PodSecurityContext } from "#api/core/v1/types.gen";
import { conformance } from "../harness/index.ts";
import {
  CONFIG_MAP,
  PROJECTED_CONFIG_MAP,
  PROJECTED_SECRET,
  SECRET,
  type KeyedSource,
  type VolumeOptions,
} from "./keyed-sources.ts";
import { look, statOf } from "./volume-pods.ts";

const NODE = "[NodeConformance]";
const LINUX = "[LinuxOnly] [NodeConformance]";
const IN_VOLUME = "should be consumable from pods in volume";
/** More than a name needs: a value of several lines, one that is empty, a key with every character that keys may have. */
const DATA = { "data-1": "value-1", "data-2": "two\nlines\n", "a.b_C-3": "" };
const MAPPED: VolumeOptions = { items: [{ key: "data-2", path: "path/to/data-2" }] };
const NON_ROOT: PodSecurityContext = { runAsUser: 1000 };

interface Case {
  readonly name: string;
  readonly options?: VolumeOptions;
  readonly securityContext?: PodSecurityContext;
  /** Of every file: `mode uid gid`. */
  readonly stat: string;
}

const UNMAPPED = (name: string): readonly Case[] => [
  { name: `${IN_VOLUME} ${NODE}`, stat: "644 0 0" },
  { name: `${IN_VOLUME} with defaultMode set ${LINUX}`, options: { defaultMode: 0o400 }, stat: "400 0 0" },
  name.includes("onfigMap")
    ? { name: `${IN_VOLUME} as non-root ${NODE}`, securityContext: NON_ROOT, stat: "644 0 0" }
    : {
        name: `${IN_VOLUME} as non-root with defaultMode and fsGroup set ${LINUX}`,
        options: { defaultMode: 0o400 },
        securityContext: { ...NON_ROOT, fsGroup: 1001 },
        stat: "440 0 1001",
      },
];

const WITH_MAPPINGS = (title: string): readonly Case[] => [
  { name: `${IN_VOLUME} with mappings ${NODE}`, options: MAPPED, stat: "644 0 0" },
  {
    name: `${IN_VOLUME} with mappings and ${title.includes("onfigMap") ? "Item mode" : "Item Mode"} set ${LINUX}`,
    // the item's mode wins over the volume's
    options: { defaultMode: 0o444, items: [{ ...MAPPED.items![0]!, mode: 0o400 }] },
    stat: "400 0 0",
  },
  ...(title.includes("onfigMap")
    ? [
        {
          name: `${IN_VOLUME} with mappings as non-root ${NODE}`,
          options: MAPPED,
          securityContext: NON_ROOT,
          stat: "644 0 0",
        },
      ]
    : []),
];

for (const source of [CONFIG_MAP, PROJECTED_CONFIG_MAP, SECRET, PROJECTED_SECRET]) {
  for (const one of UNMAPPED(source.title)) declareUnmapped(source, one);
  for (const one of WITH_MAPPINGS(source.title)) declareMapped(source, one);
  declareTwoVolumes(source);
}

function declareUnmapped(source: KeyedSource, { name, options, securityContext = {}, stat }: Case): void {
  conformance(`[sig-storage] ${source.title} ${name}`, { containers: true }, async (t) => {
    await source.create(t, "o", DATA);
    const names = Object.keys(DATA).toSorted();
    const files = names.map((key) => `/v/${key}`);
    const shown = await look(t, "p", {
      volumes: [source.volume("v", "o", options)],
      spec: { securityContext },
      script: [
        "id -u",
        "ls -1 /v", // without those that start with a dot
        ...files.map(statOf),
        ...files.flatMap((file) => [`cat ${file}`, "echo '<'"]),
        "if touch /v/new 2>/dev/null || echo x 2>/dev/null >/v/data-1; then echo writable; fi",
      ].join("\n"),
    });
    const { runAsUser = 0 } = securityContext;
    const contents = names.map((key) => `${DATA[key as keyof typeof DATA]}<`);
    assert.deepEqual(shown.trimEnd().split("\n"), [
      `${runAsUser}`,
      ...names,
      ...names.map(() => stat),
      ...contents.flatMap((text) => text.split("\n")),
    ]);
  });
}

function declareMapped(source: KeyedSource, { name, options, securityContext = {}, stat }: Case): void {
  conformance(`[sig-storage] ${source.title} ${name}`, { containers: true }, async (t) => {
    await source.create(t, "o", DATA);
    const shown = await look(t, "p", {
      volumes: [source.volume("v", "o", options)],
      spec: { securityContext },
      script: ["id -u", "ls -1 /v", statOf("/v/path/to/data-2"), "cat /v/path/to/data-2"].join("\n"),
    });
    assert.equal(shown, `${securityContext.runAsUser ?? 0}\npath\n${stat}\n${DATA["data-2"]}`);
  });
}

function declareTwoVolumes(source: KeyedSource): void {
  const where = source.title.includes("onfigMap") ? "the same pod" : "a pod";
  conformance(
    `[sig-storage] ${source.title} should be consumable in multiple volumes in ${where} ${NODE}`,
    { containers: true },
    async (t) => {
      await source.create(t, "o", DATA);
      const shown = await look(t, "p", {
        volumes: [source.volume("one", "o"), source.volume("two", "o", { ...MAPPED, defaultMode: 0o600 })],
        script: [
          "cat /one/data-1; echo",
          statOf("/one/data-1"),
          statOf("/two/path/to/data-2"),
          "cat /two/path/to/data-2",
          "ls -1 /two",
        ].join("\n"),
      });
      assert.equal(shown, `value-1\n644 0 0\n600 0 0\n${DATA["data-2"]}path\n`);
    },
  );
}
