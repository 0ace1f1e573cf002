import assert from "node:assert/strict";
import { test } from "node:test";
import type { IPAddress, ServiceCIDR } from "#api/networking/v1/types.gen";
import { START, START_MS } from "../testing/objects.ts";
import { containing, FINALIZER, overlapping, planServiceCIDR } from "./plan.ts";

const ready = { type: "Ready", status: "True", message: "Kubernetes Service CIDR is ready", reason: "" };

function range(
  name: string,
  cidr: string,
  more: object = {},
  conditions: readonly object[] = [],
): ServiceCIDR {
  const metadata = { name, finalizers: [FINALIZER], ...more };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata,
    spec: { cidrs: [cidr] },
    status: { conditions },
  } as ServiceCIDR;
}

function address(name: string): IPAddress {
  const labels = { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: { name, labels },
  } as unknown as IPAddress;
}

const going = { deletionTimestamp: START };
const wide = range("wide", "10.0.0.0/16");
const cases = [
  {
    name: "adds finalizer and condition",
    cidr: range("a", "10.0.0.0/24", { finalizers: [] }),
    want: ["add", "True", undefined],
  },
  {
    name: "leaves one that is ready",
    cidr: range("a", "10.0.0.0/24", {}, [ready]),
    want: [undefined, undefined, undefined],
  },
  {
    name: "keeps one with addresses",
    cidr: range("a", "10.0.0.0/24", going),
    ips: ["10.0.0.7"],
    want: [undefined, "False", undefined],
  },
  {
    name: "waits before it goes",
    cidr: range("a", "10.0.0.0/24", going),
    afterMs: 4_000,
    want: [undefined, undefined, 6_000],
  },
  {
    name: "lets an empty one go",
    cidr: range("a", "10.0.0.0/24", going),
    afterMs: 10_000,
    want: ["remove", undefined, undefined],
  },
  {
    name: "lets one go whose addresses lie in a wider one",
    cidr: range("a", "10.0.0.0/24", going),
    others: [wide],
    ips: ["10.0.0.7"],
    afterMs: 10_000,
    want: ["remove", undefined, undefined],
  },
  {
    name: "keeps one that is wider than the other",
    cidr: range("a", "10.0.0.0/8", going),
    others: [wide],
    ips: ["10.9.0.7"],
    want: [undefined, "False", undefined],
  },
  {
    name: "lets one go whose only addresses lie in a narrower one",
    cidr: range("a", "10.0.0.0/8", going),
    others: [wide],
    ips: ["10.0.0.7"],
    afterMs: 10_000,
    want: ["remove", undefined, undefined],
  },
];

for (const { name, cidr, others = [], ips = [], afterMs = 0, want } of cases) {
  test(`planServiceCIDR() ${name}`, () => {
    const plan = planServiceCIDR(cidr, [cidr, ...others], ips.map(address), START_MS + afterMs, START);
    assert.deepEqual([plan.finalizer, plan.condition?.status, plan.afterMs], want);
  });
}

test("containing() and overlapping() find the ranges that a change decides about", () => {
  const all = [
    wide,
    range("narrow", "10.0.3.0/24"),
    range("other", "10.1.0.0/16"),
    range("six", "fd00::/64"),
  ];
  assert.deepEqual(containing(address("10.0.3.4"), all), ["wide", "narrow"]);
  assert.deepEqual(containing(address("fd00::5"), all), ["six"]);
  assert.deepEqual(overlapping(all[1]!, all), ["wide", "narrow"]);
});
