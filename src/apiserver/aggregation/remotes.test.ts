import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { escapedPath } from "./proxy.ts";
import { Remotes } from "./remotes.ts";

function apiService(group: string, version: string, service?: object): APIService {
  const spec = { group, version, groupPriorityMinimum: 1, versionPriority: 1, ...(service && { service }) };
  const metadata = { name: `${version}.${group}` };
  return { apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata, spec };
}

const service = { namespace: "ns", name: "api" };

test("Remotes finds who serves a path", () => {
  const remotes = new Remotes();
  assert.equal(remotes.observe(apiService("example.com", "v1", service), false), true);
  assert.equal(remotes.observe(apiService("apps", "v1"), false), false);
  assert.equal(remotes.observe(apiService("apiregistration.k8s.io", "v1", service), false), false);
  const found = [
    "/apis/example.com/v1",
    "/apis/example.com/v1/",
    "/apis/example.com/v1/namespaces/a/flunders",
  ];
  for (const path of found) assert.equal(remotes.find(path)?.metadata.name, "v1.example.com", path);
  for (const path of [
    "/apis",
    "/apis/example.com",
    "/apis/example.com/v10/flunders",
    "/apis/example.com//v1",
    "//apis/example.com/v1/flunders",
    "/apis/apps/v1/deployments",
    "/apis/apiregistration.k8s.io/v1/apiservices",
    "/api/v1/pods",
  ]) {
    assert.equal(remotes.find(path), undefined, path);
  }
});

test("Remotes forgets an APIService that is deleted or becomes local", () => {
  const remotes = new Remotes();
  for (const last of [
    () => [apiService("a", "v1", service), true],
    () => [apiService("a", "v1"), false],
  ] as const) {
    remotes.observe(apiService("a", "v1", service), false);
    const [object, isDeleted] = last() as [APIService, boolean];
    assert.equal(remotes.observe(object, isDeleted), true);
    assert.equal(remotes.find("/apis/a/v1/x"), undefined);
    assert.equal(remotes.size, 0);
  }
});

test("escapedPath escapes what is no part of a path, and refuses to climb", () => {
  const table: readonly (readonly [path: string, escaped: string | undefined])[] = [
    ["/apis/a/v1/x/system:node", "/apis/a/v1/x/system%3Anode"],
    ["/apis/a/v1/x?watch=1#", "/apis/a/v1/x%3Fwatch%3D1%23"],
    ["/apis/a/v1/x/é/", "/apis/a/v1/x/%C3%A9/"],
    ["/apis/a/v1/..", undefined],
    ["/apis/a/v1/../../../api/v1/secrets", undefined],
    ["/apis/a/v1/./x", undefined],
    ["/apis/a/v1/...", "/apis/a/v1/..."],
    ["/apis/a/v1/\ud800", "/apis/a/v1/%EF%BF%BD"],
  ];
  for (const [path, escaped] of table) assert.equal(escapedPath(path), escaped, path);
});
