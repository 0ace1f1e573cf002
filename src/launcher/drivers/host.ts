/** The machine itself as the one node, as on a server. What the node put on the machine goes when it stops. @module */
import { networkInterfaces } from "node:os";
import type { IpFamily } from "#api/validation/ip";
import { EXIT, UserError } from "../user-error.ts";
import { netnsDriver } from "./netns.ts";
import type { Driver } from "./driver.ts";

export const hostDriver: Driver = {
  name: "host",
  isReal: true,
  packages: netnsDriver.packages,
  up: () => Promise.resolve(),
  /** What the agent put on the machine: rules, routes, bridges. Its forwarding of packets stays as it is. */
  async down(_profile, signal) {
    const [{ cleanupProxy, systemNft }, { cleanupNetwork, systemNetworkTools }] = await Promise.all([
      import("#proxy"),
      import("#network"),
    ]);
    await cleanupProxy(systemNft(), signal);
    await cleanupNetwork(systemNetworkTools, signal);
  },
  remove: () => Promise.resolve(),
  nodeUp: () => Promise.resolve(),
  nodeDown: () => Promise.resolve(),
  onNode: (_profile, _node, command) => command,
};

/** The first global address of this machine. */
export function hostAddress(family: IpFamily): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const global = addresses?.find(
      (a) => a.family === family && !a.internal && !a.address.startsWith("fe80:"),
    );
    if (global !== undefined) return global.address;
  }
  throw new UserError(`this machine has no ${family} address besides loopback`, {
    id: "HOST_ADDRESS_MISSING",
    exitCode: EXIT.unavailable,
    fix: "k8ts start --driver=netns",
  });
}
