import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { TriggerTimes } from "./trigger-times.ts";

const START_MS = Date.parse("2026-01-01T00:00:00Z");

function slice(addressType: string, time: string): EndpointSlice {
  const annotations = { "endpoints.kubernetes.io/last-change-trigger-time": time };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", annotations },
    addressType,
    endpoints: [],
  };
}

test("TriggerTimes gives each family's times once, without those from before it began and of slices that went", () => {
  const times = new TriggerTimes(START_MS);
  times.note("a/web", slice("IPv4", "2026-01-01T00:00:01Z"));
  times.note("a/web", slice("IPv4", "2026-01-01T00:00:02Z"));
  times.note("a/web", slice("IPv6", "2026-01-01T00:00:03Z"));
  times.note("a/old", slice("IPv4", "2025-12-31T23:59:59Z"));
  times.note("a/bare", slice("IPv4", ""));
  times.note("a/name", slice("FQDN", "2026-01-01T00:00:01Z"));
  times.note("a/gone", slice("IPv4", "2026-01-01T00:00:04Z"));
  times.forget("a/gone", slice("IPv4", ""));
  assert.deepEqual(times.take("IPv4"), [START_MS + 1_000, START_MS + 2_000]);
  assert.deepEqual(times.take("IPv4"), []);
  assert.deepEqual(times.take("IPv6"), [START_MS + 3_000]);
});
