import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "#apimachinery";
import { deleteStaleFlows, parseFlows, staleFlows } from "./conntrack.ts";
import type { CommandResult } from "./run-command.ts";

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

const OK = { code: 0, stdout: "", stderr: "" };
const ENDED = "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.\n";
const BOTH = "conntrack v1.4.7 (conntrack-tools): 2 flow entries have been deleted.\n";
const REFUSED = "conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted\n";

/** What becomes of two stale flows when the tool gives these results, one after the other. */
async function clean(
  results: readonly (CommandResult | Error)[],
): Promise<readonly [number, readonly string[]]> {
  const told: string[] = [];
  const error = (message: string, fields?: object): void =>
    void told.push(`${message} ${JSON.stringify(fields)}`);
  const left = [...results];
  const run = async (): Promise<CommandResult> => {
    const next = left.shift()!;
    if (next instanceof Error) throw next;
    return next;
  };
  const served = new Map([
    ["10.96.0.20:53", new Set(["10.244.0.6:5353"])],
    ["192.168.49.2:30053", new Set(["10.244.0.6:5353"])],
  ]);
  const options = { served, nodeIPs: new Set<string>(), logger: { error } as unknown as Logger, run };
  return [await deleteStaleFlows(options, new AbortController().signal), told];
}

test("deleteStaleFlows() counts the entries that the kernel says are deleted", async () => {
  const listed = { ...OK, stdout: LISTED };
  assert.deepEqual(await clean([listed, { ...OK, stderr: BOTH }, { ...OK, stderr: BOTH }]), [4, []]);
  const ended = { ...OK, code: 1, stderr: ENDED };
  assert.deepEqual(await clean([listed, ended, { ...OK, stderr: BOTH }]), [2, []], "it had ended by itself");
});

function cannot(why: string): string {
  return `Failed to list conntrack entries ${JSON.stringify({ ipFamily: "IPv4", why })}`;
}

test("deleteStaleFlows() tells of what cannot be listed or deleted", async () => {
  const refused = { ...OK, code: 1, stderr: REFUSED };
  const why = REFUSED.trim();
  assert.deepEqual(await clean([{ ...OK, stdout: LISTED }, refused, { ...OK, stderr: BOTH }]), [
    2,
    [`Failed to clear all conntrack entries ${JSON.stringify({ ipFamily: "IPv4", entriesDeleted: 2, why })}`],
  ]);
  assert.deepEqual(await clean([refused]), [0, [cannot(why)]]);
  assert.deepEqual(await clean([new Error("spawn conntrack ENOENT")]), [
    0,
    [cannot("spawn conntrack ENOENT")],
  ]);
});
