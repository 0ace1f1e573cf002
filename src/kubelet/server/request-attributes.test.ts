import assert from "node:assert/strict";
import { test } from "node:test";
import { requestAttributes, requestUrl } from "./request-attributes.ts";

for (const [method, target, want] of [
  ["GET", "/pods", "get pods,proxy"],
  ["GET", "/runningpods/", "get pods,proxy"],
  ["GET", "/healthz/ping", "get healthz,proxy"],
  ["GET", "/configz", "get configz,proxy"],
  ["GET", "/flagz", "get configz"],
  ["GET", "/statusz", "get statusz"],
  ["GET", "/stats/summary", "get stats"],
  ["GET", "/metrics/cadvisor", "get metrics"],
  ["GET", "/metricsx", "get proxy"],
  ["GET", "/logs/syslog", "get log"],
  ["POST", "/checkpoint/ns/pod/c", "create checkpoint"],
  ["POST", "/exec/ns/pod/c", "create proxy"],
  ["GET", "/containerLogs/ns/pod/c", "get proxy"],
  ["HEAD", "/pods", " pods,proxy"],
  ["GET", "/constructor", "get proxy"],
  ["GET", "//stats/../exec/a", "get proxy"],
  ["GET", "/stats/%2E%2e/exec/a", "get proxy"],
] as const)
  test(`requestAttributes of ${method} ${target}`, () => {
    const { verb, subresources } = requestAttributes(method, requestUrl(target).pathname);
    assert.equal(`${verb} ${subresources.join(",")}`, want);
  });
