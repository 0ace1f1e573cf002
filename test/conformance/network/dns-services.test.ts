/** Cluster DNS: names of Services and of the pods behind them, asked from a pod over UDP and TCP. */
import assert from "node:assert/strict";
import { Services } from "#api/core/v1/service";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { HTTP, query, startClient, startServer } from "./net-pods.ts";
import { newService } from "./services.ts";
import type { Query } from "./programs/query.ts";

const DOMAIN = "svc.cluster.local";
const reverse = (ip: string): string => `${ip.split(".").toReversed().join(".")}.in-addr.arpa`;

function overBoth(question: Omit<Query, "over">): readonly Query[] {
  return [
    { ...question, over: "udp" },
    { ...question, over: "tcp" },
  ];
}

function create(t: ContainersContext, name: string, spec: ServiceSpec): Promise<Service> {
  return t.client.create(Services, newService(t, name, spec), t.signal);
}

conformance("[sig-network] DNS should provide DNS for the cluster", { containers: true }, async (t) => {
  const { spec } = await t.client.get(Services, { namespace: "default", name: "kubernetes" }, t.signal);
  await startClient(t);
  const name = `kubernetes.default.${DOMAIN}`;
  const want = [spec!.clusterIP!];
  await query(
    t,
    "client",
    ...overBoth({ name, type: "A", want }),
    ...overBoth({ name: `_https._tcp.${name}`, type: "SRV", want: [`443 ${name}`] }),
    { name: "kubernetes.default", type: "lookup", want },
  );
});

conformance("[sig-network] DNS should provide DNS for services", { containers: true }, async (t) => {
  const labels = { app: "dns" };
  const ports = [{ name: "http", port: HTTP, protocol: "TCP" }];
  const [pod, service] = await Promise.all([
    startServer(t, "server", { labels }),
    create(t, "regular", { selector: labels, ports }),
    create(t, "headless", { selector: labels, ports, clusterIP: "None" }),
    startClient(t),
  ]);
  const podIP = pod.status!.podIP!;
  const clusterIP = service.spec!.clusterIP!;
  const regular = `regular.${t.namespace}.${DOMAIN}`;
  const headless = `headless.${t.namespace}.${DOMAIN}`;
  const endpoint = `${podIP.replaceAll(".", "-")}.${headless}`;
  await query(
    t,
    "client",
    ...overBoth({ name: regular, type: "A", want: [clusterIP] }),
    ...overBoth({ name: headless, type: "A", want: [podIP] }),
    ...overBoth({ name: `_http._tcp.${regular}`, type: "SRV", want: [`${HTTP} ${regular}`] }),
    ...overBoth({ name: `_http._tcp.${headless}`, type: "SRV", want: [`${HTTP} ${endpoint}`] }),
    ...overBoth({ name: reverse(clusterIP), type: "PTR", want: [regular] }),
  );
  await t.client.delete(Services, { namespace: t.namespace, name: "regular" }, t.signal);
  await query(t, "client", { name: regular, type: "A", want: [] });
});

conformance(
  "[sig-network] DNS should resolve DNS of partial qualified names for services [LinuxOnly]",
  { containers: true },
  async (t) => {
    const labels = { app: "dns" };
    const ports = [{ name: "http", port: HTTP, protocol: "TCP" }];
    const [pod, service] = await Promise.all([
      startServer(t, "server", { labels }),
      create(t, "regular", { selector: labels, ports }),
      create(t, "headless", { selector: labels, ports, clusterIP: "None" }),
      startClient(t),
    ]);
    const partial = (name: string): readonly string[] =>
      ["", `.${t.namespace}`, `.${t.namespace}.svc`].map((rest) => `${name}${rest}`);
    const look = (name: string, ip: string): readonly Query[] =>
      partial(name).map((one) => ({ name: one, type: "lookup", want: [ip] }));
    await query(
      t,
      "client",
      ...look("regular", service.spec!.clusterIP!),
      ...look("headless", pod.status!.podIP!),
    );
    // the search list leads into other namespaces only by their name
    const elsewhere = await t.newNamespace();
    const other = { ...newService(t, "other", { ports }), metadata: { name: "other", namespace: elsewhere } };
    const { spec } = await t.client.create(Services, other, t.signal);
    await query(
      t,
      "client",
      { name: `other.${elsewhere}`, type: "lookup", want: [spec!.clusterIP!] },
      { name: `other.${t.namespace}.${DOMAIN}`, type: "A", want: [] },
    );
  },
);

conformance(
  "[sig-network] DNS should provide DNS for ExternalName services",
  { containers: true },
  async (t) => {
    const ref = { namespace: t.namespace, name: "external" };
    const [service] = await Promise.all([
      create(t, "external", { type: "ExternalName", externalName: "foo.example.com" }),
      startClient(t),
    ]);
    assert.equal(service.spec?.clusterIP, undefined);
    const name = `external.${t.namespace}.${DOMAIN}`;
    await query(t, "client", { name, type: "CNAME", want: ["foo.example.com"] });
    const change = (spec: object): Promise<unknown> =>
      t.client.patch(Services, ref, { type: "merge", body: { spec } }, t.signal);
    await change({ externalName: "bar.example.com" });
    await query(t, "client", { name, type: "CNAME", want: ["bar.example.com"] });
    await change({ type: "ClusterIP", externalName: null, ports: [{ port: HTTP }] });
    const { spec } = await t.client.get(Services, ref, t.signal);
    await query(
      t,
      "client",
      { name, type: "A", want: [spec!.clusterIP!] },
      { name, type: "CNAME", want: [] },
    );
  },
);
