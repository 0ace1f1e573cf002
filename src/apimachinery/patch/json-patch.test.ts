import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { StatusError } from "../errors.ts";
import { applyJsonPatch, findUnknownPatchFields, JSON_PATCH_OPERATIONS_MAX } from "./json-patch.ts";

test("applyJsonPatch follows the examples of RFC 6902", () => {
  const table: readonly (readonly [unknown, readonly unknown[], unknown])[] = [
    [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
    [{ foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
    [{ foo: 1, bar: 2 }, [{ op: "remove", path: "/foo" }], { bar: 2 }],
    [{ foo: ["a", "b", "c"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["a", "c"] }],
    [{ foo: 1 }, [{ op: "replace", path: "/foo", value: 2 }], { foo: 2 }],
    [{ a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
    [{ foo: ["a", "b", "c"] }, [{ op: "move", from: "/foo/0", path: "/foo/2" }], { foo: ["b", "c", "a"] }],
    [
      { a: [1] },
      [
        { op: "copy", from: "/a", path: "/b" },
        { op: "add", path: "/b/-", value: 2 },
      ],
      { a: [1], b: [1, 2] },
    ],
    [
      { a: { "x/y": 1, "m~n": 2 } },
      [
        { op: "test", path: "/a/x~1y", value: 1 },
        { op: "test", path: "/a/m~0n", value: 2 },
      ],
      { a: { "x/y": 1, "m~n": 2 } },
    ],
    [{ foo: [1, 2] }, [{ op: "add", path: "/foo/-1", value: 3 }], { foo: [1, 2, 3] }],
    [{ foo: 1 }, [{ op: "replace", path: "", value: { bar: 2 } }], { bar: 2 }],
    [{}, [{ op: "replace", path: "/new", value: 1 }], { new: 1 }],
    [{ a: 1 }, [{ op: "test", path: "/b", value: null }], { a: 1 }],
  ];
  for (const [document, patch, want] of table) {
    const before = structuredClone(document);
    assert.deepEqual(applyJsonPatch(document, patch), want, JSON.stringify(patch));
    assert.deepEqual(document, before);
  }
});

test("applyJsonPatch answers 422 when an operation does not apply", () => {
  const wrong: readonly (readonly [unknown, unknown])[] = [
    [{}, [{ op: "remove", path: "/a" }]],
    [{}, [{ op: "add", path: "/a/b", value: 1 }]],
    [{ a: 1 }, [{ op: "add", path: "/a/b", value: 1 }]],
    [{ a: [] }, [{ op: "add", path: "/a/1", value: 1 }]],
    [{ a: [1] }, [{ op: "replace", path: "/a/1", value: 1 }]],
    [{ a: [1] }, [{ op: "remove", path: "/a/x" }]],
    [{ a: 1 }, [{ op: "test", path: "/a", value: 2 }]],
    [{}, [{ op: "test", path: "/a", value: 2 }]],
    [{}, [{ op: "move", from: "/a", path: "/b" }]],
    [{}, [{ op: "jump", path: "/a" }]],
    [{}, [{ op: "add" }]],
    [{}, [{ op: "add", path: "", value: 1 }]],
    [{}, [{ op: "remove", path: "/toString" }]],
  ];
  for (const [document, patch] of wrong) {
    assert.throws(
      () => applyJsonPatch(document, patch),
      (err) =>
        err instanceof StatusError &&
        err.code === 422 &&
        err.message.startsWith("the server rejected our request due to"),
      JSON.stringify(patch),
    );
  }
  assert.throws(
    () => applyJsonPatch({}, {}),
    (err) => err instanceof StatusError && err.code === 400,
  );
});

test("applyJsonPatch bounds operations and copies", () => {
  const many = Array.from({ length: JSON_PATCH_OPERATIONS_MAX + 1 }, () => ({
    op: "test",
    path: "/a",
    value: null,
  }));
  assert.throws(() => applyJsonPatch({}, many), {
    code: 413,
    message: /allowed maximum operations in a JSON patch is 10000, got 10001/,
  });
  const doubling = Array.from({ length: 40 }, (_, i) => ({ op: "copy", from: "/a", path: `/a/${i}` }));
  assert.throws(() => applyJsonPatch({ a: { x: "y" } }, doubling), { code: 422 });
  assert.deepEqual(Object.keys(applyJsonPatch({}, [{ op: "add", path: "/__proto__", value: 1 }]) as object), [
    "__proto__",
  ]);
});

test("applyJsonPatch: add then remove gives the document back, and shares what it did not touch", () => {
  const key = fc.stringMatching(/^[a-z/~]{1,4}$/);
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), key, fc.jsonValue(), (document, name, value) => {
      fc.pre(!Object.hasOwn(document, name));
      const path = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const patched = applyJsonPatch(document, [{ op: "add", path, value }]) as Record<string, unknown>;
      assert.deepEqual(patched[name], value);
      for (const [other, content] of Object.entries(document)) assert.equal(patched[other], content);
      assert.deepEqual(
        applyJsonPatch(patched, [
          { op: "test", path, value },
          { op: "remove", path },
        ]),
        { ...document },
      );
    }),
  );
});

test("findUnknownPatchFields names members that no operation has", () => {
  const patch = [
    { op: "add", path: "/a", value: 1 },
    { op: "add", path: "/b", valeu: 1 },
  ];
  assert.deepEqual(findUnknownPatchFields(patch), ['json patch unknown field "[1].valeu"']);
});
