import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { POD_NETWORKS, PodNetwork } from "./testing/pod-network.ts";
import type { ProxySettings } from "./testing/proxy-program.ts";
import { NODE, NODE_PORT, objectsOf, type Behind, type Serving } from "./testing/served.ts";

const PROGRAM = join(import.meta.dirname, "testing/proxy-program.ts");
const isRoot = process.geteuid?.() === 0;
const UDP: Serving = { ports: [{ port: 80, protocol: "UDP", nodePort: NODE_PORT }] };
const [plan] = POD_NETWORKS;
assert.ok(plan !== undefined);
const { nodeIP, clusterIP } = plan;

/** What is not of the table alone: settings of the kernel, and flows that it remembers. */
suite(
  "runProxy() in a network namespace",
  { skip: isRoot ? false : "needs root to make network namespaces" },
  () => {
    let network: PodNetwork;
    let proxy: ChildProcess;

    before(async () => {
      network = await PodNetwork.make("run", plan);
      proxy = network.spawn("node", process.execPath, PROGRAM);
      tell({
        nodeName: NODE,
        nodeIPs: [nodeIP],
        clusterCIDRs: [plan.clusterCIDR],
        serviceCIDRs: [plan.serviceCIDR],
        nodePortAddresses: ["primary", "127.0.0.1/32"],
      });
    });
    after(() => network?.[Symbol.asyncDispose]());

    test(
      "node ports answer on loopback, for which it asks the kernel itself",
      { timeout: 60_000 },
      async () => {
        become([{ pod: "far" }]);
        await until("far", () => network.ask("node", "127.0.0.1", NODE_PORT));
      },
    );

    test(
      "UDP flows leave an endpoint that goes on to answer when slices name another",
      { timeout: 60_000 },
      async () => {
        const ways = [
          ["outside", nodeIP, NODE_PORT],
          ["client", clusterIP, 80],
        ] as const;
        become([{ pod: "near" }], UDP);
        for (const next of ["near", "far", "near"] as const) {
          become([{ pod: next }], UDP);
          for (const [from, to, port] of ways)
            await until(next, () => network.ask(from, to, port, { protocol: "udp", flow: to }));
        }
      },
    );

    function tell(message: ProxySettings | KubeObject): void {
      proxy.stdin!.write(`${JSON.stringify(message)}\n`);
    }

    function become(behind: readonly Behind[], spec?: Serving): void {
      for (const object of objectsOf(plan!, behind, spec)) tell(object);
    }
  },
);

/** Rules follow what is told a moment later. */
async function until(name: string, ask: () => Promise<string>): Promise<void> {
  while (!(await ask()).startsWith(`${name}:`)) void 0;
}
