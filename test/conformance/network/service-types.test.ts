/** A Service that becomes an alias for another name, and an alias that becomes a Service. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, nodesOf, query, startClient, startServer } from "./net-pods.ts";
import { newService } from "./services.ts";

const DOMAIN = "svc.cluster.local";
const LABELS = { app: "changing" };
const PORTS = [{ port: 80, targetPort: 8080 }];
const SERVED: ServiceSpec = { selector: LABELS, ports: PORTS };

interface Changing {
  readonly service: Service;
  readonly name: string;
}

/** Besides the Service: its pod, a client, and another Service that it may be an alias for. */
async function start(t: ContainersContext, spec: ServiceSpec): Promise<Changing> {
  const [service] = await Promise.all([
    t.client.create(Services, newService(t, "changing", spec), t.signal),
    t.client.create(
      Services,
      newService(t, "target", { selector: { app: "target" }, ports: PORTS }),
      t.signal,
    ),
    startClient(t),
    startServer(t, "server", { labels: LABELS, serves: ["http:8080"] }),
    startServer(t, "other", { labels: { app: "target" }, serves: ["http:8080"] }),
  ]);
  return { service, name: `changing.${t.namespace}.${DOMAIN}` };
}

function change(t: ContainersContext, service: Service, spec: object): Promise<Service> {
  return t.client.patch(Services, service.metadata, { type: "merge", body: { spec } }, t.signal);
}

async function becomesAlias(t: ContainersContext, type: string): Promise<void> {
  const { service, name } = await start(t, { ...SERVED, type });
  const { clusterIP, ports = [] } = service.spec!;
  await ask(t, "client", { url: "http://changing", answers: ["server"] });
  const externalName = `target.${t.namespace}.${DOMAIN}`;
  const alias = await change(t, service, { type: "ExternalName", externalName, clusterIP: null });
  assert.equal(alias.spec?.clusterIP, undefined);
  await query(t, "client", { name, type: "CNAME", want: [externalName] });
  const [node] = await nodesOf(t);
  const old = [`http://${clusterIP}`, ...ports.map(({ nodePort }) => `http://${node!.ip}:${nodePort ?? 80}`)];
  await ask(
    t,
    "client",
    { url: "http://changing", answers: ["other"] },
    // what is sent to nobody's cluster address is dropped; a node refuses what nobody serves
    ...old
      .slice(0, type === "NodePort" ? 2 : 1)
      .map((url, i) => ({ url, answers: [i === 0 ? "ETIMEDOUT" : "ECONNREFUSED"] })),
  );
}

async function becomesService(t: ContainersContext, type: string): Promise<void> {
  const externalName = `target.${t.namespace}.${DOMAIN}`;
  const { service, name } = await start(t, { type: "ExternalName", externalName });
  await query(t, "client", { name, type: "CNAME", want: [externalName] });
  const made = await change(t, service, { ...SERVED, type, externalName: null });
  const { clusterIP, ports = [] } = made.spec!;
  await query(t, "client", { name, type: "A", want: [clusterIP!] }, { name, type: "CNAME", want: [] });
  const nodes = type === "NodePort" ? await nodesOf(t) : [];
  const urls = ["http://changing", ...nodes.map(({ ip }) => `http://${ip}:${ports[0]?.nodePort}`)];
  await ask(t, "client", ...urls.map((url) => ({ url, answers: ["server"] })));
}

const CASES = [
  ["ClusterIP to ExternalName", becomesAlias, "ClusterIP"],
  ["NodePort to ExternalName", becomesAlias, "NodePort"],
  ["ExternalName to ClusterIP", becomesService, "ClusterIP"],
  ["ExternalName to NodePort", becomesService, "NodePort"],
] as const;

for (const [name, check, type] of CASES)
  conformance(
    `[sig-network] Services should be able to change the type from ${name}`,
    { containers: true },
    (t) => check(t, type),
  );
