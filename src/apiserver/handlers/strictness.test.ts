import assert from "node:assert/strict";
import { test } from "node:test";
import { badRequest } from "#apimachinery";
import type { ApiRequest } from "./request.ts";
import { goText, jsonPatchProblems, tellProblems } from "./strictness.ts";

function ask(fieldValidation: string): { readonly request: ApiRequest; readonly warnings: string[] } {
  const warnings: string[] = [];
  const request = {
    query: new URLSearchParams({ fieldValidation }),
    warn: (text: string) => warnings.push(text),
  } as unknown as ApiRequest;
  return { request, warnings };
}

const PROBLEMS = ["a", 'yaml: unmarshal errors:\n  line 2: key "x" already set in map\n  line 3: key "y"'];

test("tellProblems throws all of them, warns line by line, or does not look", () => {
  const strict = ask("Strict");
  assert.throws(
    () => tellProblems(strict.request, () => PROBLEMS, badRequest),
    /^StatusError: a, yaml: unmarshal/,
  );
  const warn = ask("Warn");
  tellProblems(warn.request, () => PROBLEMS, badRequest);
  assert.deepEqual(warn.warnings, ["a", 'line 2: key "x" already set in map', 'line 3: key "y"']);
  const ignore = ask("Ignore");
  tellProblems(ignore.request, () => assert.fail(), badRequest);
  assert.deepEqual([...strict.warnings, ...ignore.warnings], []);
});

test("jsonPatchProblems names fields that no operation has", () => {
  const patch = [{ op: "test", path: "/a", value: { foo: 1 } }, { op: "remove", path: "/b", foo: 1 }, 3];
  assert.deepEqual(jsonPatchProblems(patch, ['duplicate field "[0].op"']), [
    'json patch duplicate field "[0].op"',
    'json patch unknown field "[1].foo"',
  ]);
});

test("goText prints JSON values as Go prints maps", () => {
  assert.equal(goText({ b: [1, "x", null], a: { c: true } }), "map[a:map[c:true] b:[1 x <nil>]]");
});
