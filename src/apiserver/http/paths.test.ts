import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KubeObject, StatusError } from "#apimachinery";
import { proxiedPath } from "../connect/proxy.ts";
import { CONFIG_MAPS, configMap, start } from "../server-fixture.ts";

suite("paths", () => {
  const table: readonly (readonly [path: string, answer: string])[] = [
    [`${CONFIG_MAPS}/a`, "ConfigMap a"],
    [`${CONFIG_MAPS}/%61`, "ConfigMap a"],
    [`${CONFIG_MAPS}/a/`, "ConfigMap a"],
    [`${CONFIG_MAPS}/`, "ConfigMapList"],
    ["/api/v1/namespaces//configmaps", "ConfigMapList"],
    [`/${CONFIG_MAPS}`, "404 the server could not find the requested resource"],
    ["/api//v1/namespaces/default/configmaps", "404 the server could not find the requested resource"],
    ["/api/v1/namespaces/default//configmaps", "404 the server could not find the requested resource"],
    [`${CONFIG_MAPS}/a%2Fb`, "404 the server could not find the requested resource"],
    [`${CONFIG_MAPS}/a/b/c`, "404 the server could not find the requested resource"],
    ["/api/v1/../v1/namespaces", "404 the server could not find the requested resource"],
    ["/api/v1/nothing", "404 the server could not find the requested resource"],
    [`${CONFIG_MAPS}/..`, `400 Name parameter invalid: "..": may not be '..'`],
    [`${CONFIG_MAPS}/%2e%2E`, `400 Name parameter invalid: "..": may not be '..'`],
    [`${CONFIG_MAPS}/a%25b`, `400 Name parameter invalid: "a%b": may not contain '%'`],
    [`${CONFIG_MAPS}/${"x".repeat(20_000)}`, "404 configmaps"],
  ];
  for (const [path, expected] of table) {
    test(`a GET of ${path.slice(0, 60)} is answered as by Kubernetes`, async () => {
      const { send } = await start();
      await send("POST", CONFIG_MAPS, configMap("a"));
      const answer = await send("GET", path).then(
        ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name ?? ""}`.trim(),
        (err: unknown) => `${(err as StatusError).code} ${(err as StatusError).message}`,
      );
      assert.equal(answer.slice(0, expected.length), expected);
    });
  }

  test("proxiedPath() escapes what was decoded, and keeps the last slash", () => {
    const cases = [
      ["/x/proxy", "", "/"],
      ["/x/proxy/", "", "/"],
      ["/x/proxy/a", "a", "/a"],
      ["/x/proxy/a/", "a", "/a/"],
      ["/x/proxy/a//b c", "a//b c", "/a//b%20c"],
      ["/x/proxy/a?b#c", "a?b#c", "/a%3Fb%23c"],
    ] as const;
    for (const [path, rest, expected] of cases) assert.equal(proxiedPath(path, rest), expected);
  });
});
