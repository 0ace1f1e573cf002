import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlows, staleFlows } from "./conntrack.ts";

const LISTED = [
  "udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=40000 dport=53 src=192.168.49.2 dst=10.244.0.9 sport=53 dport=40000 mark=0 use=1",
  "udp      17 3 src=10.244.0.9 dst=10.96.0.20 sport=40001 dport=53 [UNREPLIED] src=10.244.0.5 dst=10.244.0.9 sport=5353 dport=40001 mark=0 use=1",
  "udp      17 170 src=192.0.2.2 dst=192.168.49.2 sport=40002 dport=30053 src=192.168.49.2 dst=192.0.2.2 sport=30053 dport=40002 [ASSURED] mark=0 use=1",
  "conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.",
].join("\n");

test("parseFlows() reads where flows go and who answers", () => {
  assert.deepEqual(
    parseFlows(LISTED).map((flow) => Object.values(flow).join(" ")),
    [
      "10.96.0.10 53 192.168.49.2 53",
      "10.96.0.20 53 10.244.0.5 5353",
      "192.168.49.2 30053 192.168.49.2 30053",
    ],
  );
});

test("staleFlows() finds flows to endpoints that are gone, and flows from before the service", () => {
  const served = new Map([
    ["10.96.0.10:53", new Set(["192.168.49.2:53"])],
    ["10.96.0.20:53", new Set(["10.244.0.6:5353"])],
    ["*:30053", new Set(["10.244.0.6:5353"])],
  ]);
  const addresses = (nodeIPs: readonly string[]): readonly string[] =>
    staleFlows(parseFlows(`${LISTED}\n${LISTED}`), served, new Set(nodeIPs)).map(({ address }) => address);
  assert.deepEqual(addresses(["192.168.49.2"]), ["10.96.0.20", "192.168.49.2"]);
  assert.deepEqual(addresses([]), ["10.96.0.20"]);
});
