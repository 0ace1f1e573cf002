/** The machine itself as the node: the machine is a network namespace of the test's own, so that this one stays as it is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { TestCluster, run } from "./harness.ts";

const isRoot = process.geteuid?.() === 0;
const MACHINE = `k8ts-e2e-host-${process.pid}`;
const ADDRESS = "192.0.2.10";
const INSIDE = ["nsenter", `--net=/run/netns/${MACHINE}`];
const WEB = join(import.meta.dirname, "../../examples/web");

suite("host driver", { skip: isRoot ? false : "needs root: real containers" }, () => {
  let cluster: TestCluster;
  let clean = "";

  before(async () => {
    const lines = [
      `netns add ${MACHINE}`,
      `-n ${MACHINE} link set lo up`,
      `-n ${MACHINE} link add eth0 type bridge`,
      `-n ${MACHINE} addr add ${ADDRESS}/24 dev eth0`,
      `-n ${MACHINE} link set eth0 up`,
    ];
    for (const line of lines) execFileSync("ip", line.split(" "));
    clean = await machineNetwork();
    cluster = await TestCluster.prepare("e2ehost", INSIDE);
    await cluster.k8ts("start", "--driver=host", "--wait=all");
  });
  after(async () => {
    try {
      await cluster.destroy();
      assert.equal(await machineNetwork(), clean);
    } finally {
      execFileSync("ip", ["netns", "del", MACHINE]);
    }
  });

  test("the machine is the node, and runs pods behind a service", async () => {
    const address = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}";
    assert.equal(await cluster.kubectl("get", "nodes", "-o", address), ADDRESS);
    await cluster.k8ts("image", "build", "-t", "demo/web:1", WEB);
    await cluster.kubectl("create", "deployment", "web", "--image=demo/web:1");
    await cluster.kubectl("expose", "deployment", "web", "--port=80");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
    assert.match(await cluster.kubectl("exec", "deploy/web", "--", "wget", "-qO-", "http://web"), /web-/);
  });

  test("stop takes rules, routes and bridges off the machine, and start brings the pods back", async () => {
    await cluster.k8ts("stop");
    assert.equal(await machineNetwork(), clean);
    await cluster.k8ts("start", "--wait=all");
    await cluster.kubectl("rollout", "status", "deploy/web", "--timeout=60s");
  });
});

/** Interfaces, routes and nftables of the test's machine. */
async function machineNetwork(): Promise<string> {
  const commands = [
    ["ip", "-brief", "link"],
    ["ip", "route"],
    ["nft", "list", "tables"],
  ];
  const parts = await Promise.all(commands.map((command) => run([...INSIDE, ...command], process.env)));
  return parts.map(({ stdout }) => stdout).join("\n");
}
