/** Session affinity: a client comes to the same pod again, by the cluster address and by node ports. */
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, nodesOf, startClient, startServer } from "./net-pods.ts";
import { newService } from "./services.ts";

const SERVERS = ["one", "two", "three"];
/** Without affinity, so many answers would be the same once in 3^19 times. */
const SAME = 20;

interface Affine {
  readonly service: Service;
  /** Every way to the Service. */
  readonly urls: readonly string[];
}

async function start(t: ContainersContext, type: string, sessionAffinity: string): Promise<Affine> {
  const labels = { app: "affinity" };
  const spec = { type, selector: labels, sessionAffinity, ports: [{ port: 80, targetPort: 8080 }] };
  const nodes = await nodesOf(t);
  const [service] = await Promise.all([
    t.client.create(Services, newService(t, "affinity", spec), t.signal),
    startClient(t),
    ...SERVERS.map((name) => startServer(t, name, { labels, serves: ["http:8080"] })),
  ]);
  const { clusterIP, ports = [] } = service.spec!;
  const byNodes = nodes.map(({ ip }) => `http://${ip}:${ports[0]?.nodePort}`);
  const byAddress = [`http://${clusterIP}`, "http://affinity"];
  return { service, urls: type === "NodePort" ? byNodes : byAddress };
}

/** By every way, one pod and no other answers. */
async function expectSame(t: ContainersContext, urls: readonly string[]): Promise<void> {
  await ask(t, "client", ...urls.map((url) => ({ url, same: SAME })));
}

async function expectAll(t: ContainersContext, urls: readonly string[]): Promise<void> {
  await ask(t, "client", ...urls.map((url) => ({ url, answers: SERVERS })));
}

async function setAffinity(t: ContainersContext, service: Service, sessionAffinity: string): Promise<void> {
  // what belongs to the affinity that is given up goes with it
  const spec = { sessionAffinity, ...(sessionAffinity === "None" && { sessionAffinityConfig: null }) };
  await t.client.patch(Services, service.metadata, { type: "merge", body: { spec } }, t.signal);
}

async function holds(t: ContainersContext, type: string): Promise<void> {
  const { urls } = await start(t, type, "ClientIP");
  await expectSame(t, urls);
}

async function isSwitched(t: ContainersContext, type: string): Promise<void> {
  const { service, urls } = await start(t, type, "None");
  await expectAll(t, urls);
  await setAffinity(t, service, "ClientIP");
  await expectSame(t, urls);
  await setAffinity(t, service, "None");
  await expectAll(t, urls);
}

const CASES = [
  ["should have session affinity work for service with type clusterIP [LinuxOnly]", "ClusterIP", holds],
  ["should have session affinity work for NodePort service [LinuxOnly]", "NodePort", holds],
  [
    "should be able to switch session affinity for service with type clusterIP [LinuxOnly]",
    "ClusterIP",
    isSwitched,
  ],
  ["should be able to switch session affinity for NodePort service [LinuxOnly]", "NodePort", isSwitched],
] as const;

for (const [name, type, check] of CASES)
  conformance(`[sig-network] Services ${name}`, { containers: true }, (t) => check(t, type));
