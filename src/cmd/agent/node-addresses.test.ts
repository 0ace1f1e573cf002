import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { nodeIpsOfFlag, withOtherFamily } from "./node-addresses.ts";

const of = (family: "IPv4" | "IPv6", address: string): NetworkInterfaceInfo =>
  ({ family, address, internal: false }) as NetworkInterfaceInfo;

const interfaces = {
  eth0: [of("IPv4", "192.0.2.2"), of("IPv6", "fe80::2"), of("IPv6", "fd01::2")],
  eth1: [of("IPv6", "fd02::2")],
};
const DUAL = ["10.244.0.0/16", "fd00:10:244::/56"];

test("nodeIpsOfFlag takes one address, or one of each family", () => {
  assert.deepEqual(nodeIpsOfFlag("192.0.2.2"), ["192.0.2.2"]);
  assert.deepEqual(nodeIpsOfFlag("fd01::2, 192.0.2.2"), ["fd01::2", "192.0.2.2"]);
  assert.throws(() => nodeIpsOfFlag("192.0.2.2,192.0.2.3"), /dual-stack pair/);
});

test("withOtherFamily looks on the same link, and only where the cluster has two families", () => {
  assert.deepEqual(withOtherFamily("192.0.2.2", DUAL, interfaces), ["192.0.2.2", "fd01::2"]);
  assert.deepEqual(withOtherFamily("192.0.2.2", DUAL.slice(0, 1), interfaces), ["192.0.2.2"]);
  assert.deepEqual(withOtherFamily("fd02::2", DUAL, interfaces), ["fd02::2"]);
});
