import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { normalizeReference } from "./reference.ts";

const DIGEST = `sha256:${"0a".repeat(32)}`;

suite("normalizeReference", () => {
  const cases: readonly [text: string, expected: string | undefined][] = [
    ["busybox", "docker.io/library/busybox:latest"],
    ["demo/web:1", "docker.io/demo/web:1"],
    ["index.docker.io/busybox:1", "docker.io/library/busybox:1"],
    ["localhost/web", "localhost/web:latest"],
    ["localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1"],
    ["registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`],
    ["[fd00::1]:5000/web", "[fd00::1]:5000/web:latest"],
    ["a__b/c-d.e", "docker.io/a__b/c-d.e:latest"],
    ["Busybox", undefined],
    ["busy box", undefined],
    ["busybox:", undefined],
    ["busybox@sha256:12", undefined],
    ["", undefined],
    ["a//b", undefined],
    ["-a", undefined],
  ];
  for (const [text, expected] of cases)
    test(`normalizeReference of ${JSON.stringify(text)} is ${expected ?? "refused"}`, () => {
      assert.equal(normalizeReference(text), expected);
    });
});
