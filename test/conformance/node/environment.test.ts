/** Variables from ConfigMaps and Secrets: one by one, all of them, and under prefixes. */
import assert from "node:assert/strict";
import type { EnvFromSource, EnvVarSource } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { CONFIG_MAP, SECRET, type KeyedSource } from "../storage/keyed-sources.ts";
import { look } from "../storage/volume-pods.ts";

interface Variables {
  readonly source: KeyedSource;
  readonly names: { readonly one: string; readonly all: string; readonly prefixed: string };
  readonly key: (name: string, key: string, optional?: boolean) => EnvVarSource;
  readonly from: (name: string, prefix?: string, optional?: boolean) => EnvFromSource;
}

const NODE = "[NodeConformance]";
const SOURCES: readonly Variables[] = [
  {
    source: CONFIG_MAP,
    names: {
      one: `should be consumable via environment variable ${NODE}`,
      all: `should be consumable via the environment ${NODE}`,
      prefixed: "should be consumable as environment variable names with various prefixes",
    },
    key: (name, key, optional = false) => ({ configMapKeyRef: { name, key, optional } }),
    from: (name, prefix = "", optional = false) => ({ prefix, configMapRef: { name, optional } }),
  },
  {
    source: SECRET,
    names: {
      one: `should be consumable from pods in env vars ${NODE}`,
      all: `should be consumable via the environment ${NODE}`,
      prefixed: "should be consumable as environment variable names variable names with various prefixes",
    },
    key: (name, key, optional = false) => ({ secretKeyRef: { name, key, optional } }),
    from: (name, prefix = "", optional = false) => ({ prefix, secretRef: { name, optional } }),
  },
];

const DATA = { first: "one", "second.key": "two words", "third-key": "" };
/** Names may have every printable character but "=". */
const PREFIXES = ["p_", "p-", "1.", "$_", "a b:", "%"];

/** What the first process was given: a shell leaves out what it cannot name. */
async function environment(
  t: ContainersContext,
  container: NonNullable<Parameters<typeof look>[2]["container"]>,
): Promise<readonly string[]> {
  // The shell becomes its last command, which must not be this one.
  const text = await look(t, "p", { container, script: "tr '\\0' '\\n' </proc/1/environ; true" });
  return text.trimEnd().split("\n");
}

for (const { source, names, key, from } of SOURCES) {
  conformance(`[sig-node] ${source.title} ${names.one}`, { containers: true }, async (t) => {
    await source.create(t, "o", DATA);
    const env = [
      { name: "FIRST", valueFrom: key("o", "first") },
      { name: "SECOND", valueFrom: key("o", "second.key") },
      { name: "AGAIN", value: "$(FIRST), $(SECOND)" },
      { name: "NO_KEY", valueFrom: key("o", "absent", true) },
      { name: "NO_OBJECT", valueFrom: key("absent", "first", true) },
    ];
    const given = await environment(t, { env });
    for (const line of ["FIRST=one", "SECOND=two words", "AGAIN=one, two words"])
      assert.ok(given.includes(line), `${line} is not among ${given.join("\n")}`);
    assert.deepEqual(
      given.filter((line) => line.startsWith("NO_")),
      [],
    );
  });

  conformance(`[sig-node] ${source.title} ${names.all}`, { containers: true }, async (t) => {
    await source.create(t, "o", DATA);
    const envFrom = [from("o"), from("o", "p_"), from("absent", "no_", true)];
    const env = [{ name: "first", value: "of the container" }];
    const given = new Set(await environment(t, { envFrom, env }));
    const expected = [
      "first=of the container",
      "second.key=two words",
      "third-key=",
      "p_first=one",
      "p_second.key=two words",
      "p_third-key=",
    ];
    assert.deepEqual(
      expected.filter((line) => !given.has(line)),
      [],
      [...given].join("\n"),
    );
    assert.ok(!given.has("first=one"), "the container's own word is the last");
  });

  conformance(`[sig-node] ${source.title} ${names.prefixed}`, { containers: true }, async (t) => {
    await source.create(t, "o", DATA);
    const given = new Set(await environment(t, { envFrom: PREFIXES.map((prefix) => from("o", prefix)) }));
    const missing = PREFIXES.flatMap((prefix) =>
      Object.entries(DATA)
        .map(([name, value]) => `${prefix}${name}=${value}`)
        .filter((line) => !given.has(line)),
    );
    assert.deepEqual(missing, [], [...given].join("\n"));
  });
}
