import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { findDuplicateYamlKeys, formatYaml, parseYaml, parseYamlDocuments } from "./yaml.ts";

test("parseYaml reads plain scalars as Go's YAML 1.1", () => {
  const table: Record<string, unknown> = {
    yes: true,
    Off: false,
    y: true,
    N: false,
    on: true,
    true: true,
    "~": null,
    Null: null,
    "0o17": 15,
    "017": 15,
    "08": 8,
    "0x1F": 31,
    "0b11": 3,
    "-0b11": -3,
    "1_000": 1000,
    "1e3": 1000,
    "1.5": 1.5,
    ".5": 0.5,
    "+1": 1,
    "-1": -1,
    "1.": 1,
    "1:30": "1:30",
    "12:30:45": "12:30:45",
    "2026-01-01": "2026-01-01",
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "'yes'": "yes",
    '"1"': "1",
    "1.2.3": "1.2.3",
    "0x": "0x",
    yEs: "yEs",
    "100m": "100m",
    "1Gi": "1Gi",
    _1: "_1",
    "-": [null],
    ".": ".",
    "!!str 1": "1",
  };
  for (const [text, want] of Object.entries(table))
    assert.deepEqual(parseYaml(`a: ${text === "-" ? "\n- " : text}`), { a: want }, text);
  assert.deepEqual(parseYaml("on: 1\n1: x\n1.5: z"), { true: 1, "1": "x", "1.5": "z" });
});

test("parseYamlDocuments splits documents and skips empty ones", () => {
  assert.deepEqual(parseYamlDocuments("---\na: 1\n---\n# nothing\n---\nb: 2\n"), [{ a: 1 }, { b: 2 }]);
  assert.equal(parseYaml(""), undefined);
  assert.deepEqual(parseYaml('{"a": [1, "b"]}'), { a: [1, "b"] });
});

test("parseYaml merges, bounds aliases and refuses what JSON cannot hold", () => {
  assert.deepEqual(parseYaml("base: &b {x: 1}\nc:\n  <<: *b\n  z: 2"), { base: { x: 1 }, c: { x: 1, z: 2 } });
  const bomb = [
    "a0: &a0 [x]",
    ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(",")}]`),
  ].join("\n");
  assert.throws(() => parseYaml(bomb), /aliasing/);
  assert.throws(() => parseYaml("a: .inf"), /json: unsupported value: \+Inf/);
  assert.throws(() => parseYaml("a: [1"), /^YamlError: yaml: line \d+: /);
  // what is wrong may be secret, and errors are logged with their causes
  for (const text of ["a: hunter2\n b: c", "a: 'hunter2", "- hunter2\nb: [", '{"a": "hunter2"'])
    assert.throws(
      () => parseYaml(text),
      (err) => err instanceof Error && !inspect(err, { depth: Infinity }).includes("hunter2"),
      text,
    );
});

test("findDuplicateYamlKeys names the key and its line", () => {
  assert.deepEqual(parseYaml("a: 1\na: 2"), { a: 2 });
  assert.deepEqual(findDuplicateYamlKeys("x: 1\nspec:\n  a: 1\n  a: 2"), [
    'yaml: unmarshal errors:\n  line 4: key "a" already set in map',
  ]);
  assert.deepEqual(findDuplicateYamlKeys("a: 1"), []);
  assert.deepEqual(findDuplicateYamlKeys('{"a": {"b c": 1, "b c": 2},\n "a": 1, "d": {"e": 1, "e": 2}}'), [
    [
      "yaml: unmarshal errors:",
      '  line 1: key "b c" already set in map',
      '  line 2: key "a" already set in map',
      '  line 2: key "e" already set in map',
    ].join("\n"),
  ]);
  assert.deepEqual(findDuplicateYamlKeys("- a : 1\n  a: 2\n  'a': 3\n"), [
    'yaml: unmarshal errors:\n  line 2: key "a" already set in map\n  line 3: key "a" already set in map',
  ]);
});

test("formatYaml writes as Go's library does", () => {
  const object = {
    "10": 1,
    "9": 1,
    a10: 1,
    a9: 1,
    kind: "Thing",
    n: "no",
    num: "1",
    time: "2026-01-01T00:00:00Z",
    ratio: "1:30",
    empty: "",
    star: "*a",
    colon: "a: b",
    text: "x\ny\n",
    none: {},
    list: [],
    y: null,
    items: ["a", { b: 1, c: [2] }],
  };
  assert.equal(
    formatYaml(object),
    [
      '"9": 1',
      '"10": 1',
      "a9: 1",
      "a10: 1",
      "colon: 'a: b'",
      'empty: ""',
      "items:",
      "- a",
      "- b: 1",
      "  c:",
      "  - 2",
      "kind: Thing",
      "list: []",
      '"n": "no"',
      "none: {}",
      'num: "1"',
      'ratio: "1:30"',
      "star: '*a'",
      "text: |",
      "  x",
      "  y",
      'time: "2026-01-01T00:00:00Z"',
      '"y": null',
      "",
    ].join("\n"),
  );
});

test("formatYaml writes what parseYaml reads back", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3, noUnicodeString: true }), (input) => {
      const value: unknown = JSON.parse(JSON.stringify({ input }));
      assert.deepEqual(parseYaml(formatYaml(value)), value);
    }),
    { numRuns: 500 },
  );
});
