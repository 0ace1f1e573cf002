/** A flat network: every pod and every node reaches every pod at the pod's own address, over TCP and UDP. */
import assert from "node:assert/strict";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, nodesOf, startClient, startServer } from "./net-pods.ts";
import type { Asking } from "./programs/ask.ts";

const SUITE = "[sig-network] Networking Granular Checks: Pods should function for";
const SERVES = ["http:8083", "udp:8081"];
const URLS = {
  http: (ip: string) => `http://${ip}:8083`,
  udp: (ip: string) => `udp://${ip}:8081`,
} as const;

/** One server on each node, asked from a client on each. */
async function everyPair(
  t: ContainersContext,
  protocol: keyof typeof URLS,
  hostNetwork: boolean,
): Promise<void> {
  const nodes = await nodesOf(t);
  assert.ok(nodes.length > 1, "pods of several nodes talk to each other");
  const servers = nodes.map(({ name }, i) =>
    startServer(t, `server-${i}`, { nodeName: name, serves: SERVES }),
  );
  const clients = nodes.map(({ name }, i) =>
    startClient(t, `client-${i}`, { nodeName: name, spec: { hostNetwork } }),
  );
  const [serverPods, clientPods] = await Promise.all([Promise.all(servers), Promise.all(clients)]);
  await Promise.all(
    clientPods.map((client) => {
      const askings = serverPods.flatMap((server) => askingsOf(client, server, protocol, hostNetwork));
      return ask(t, client.metadata.name, ...askings);
    }),
  );
}

function askingsOf(
  client: Pod,
  server: Pod,
  protocol: keyof typeof URLS,
  isNode: boolean,
): readonly Asking[] {
  const url = URLS[protocol](server.status!.podIP!);
  const named = { url, answers: [server.metadata.name] };
  if (isNode) return [named];
  // nobody changes the pod's address on the way
  return [named, { url: `${url}/client`, answers: [client.status!.podIP!] }];
}

const CASES = [
  [`${SUITE} intra-pod communication: http [NodeConformance]`, "http", false],
  [`${SUITE} intra-pod communication: udp [NodeConformance]`, "udp", false],
  [`${SUITE} node-pod communication: http [LinuxOnly] [NodeConformance]`, "http", true],
  [`${SUITE} node-pod communication: udp [LinuxOnly] [NodeConformance]`, "udp", true],
] as const;

for (const [name, protocol, hostNetwork] of CASES)
  conformance(name, { containers: true }, (t) => everyPair(t, protocol, hostNetwork));
