/** Services lead to the pods that they select: as these come and go, by several ports, by node ports. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, nodesOf, startClient, startServer } from "./net-pods.ts";
import { newService, readyOf, untilSlices } from "./services.ts";
import type { Asking } from "./programs/ask.ts";

const REFUSED = ["ECONNREFUSED"];

async function deletePod(t: ContainersContext, name: string): Promise<void> {
  await t.client.delete(Pods, { namespace: t.namespace, name }, t.signal);
}

conformance(
  "[sig-network] Services should serve a basic endpoint from pods",
  { containers: true },
  async (t) => {
    const labels = { app: "basic" };
    const service = newService(t, "basic", { selector: labels, ports: [{ port: 80, targetPort: 8080 }] });
    const [{ spec }] = await Promise.all([t.client.create(Services, service, t.signal), startClient(t)]);
    const url = `http://${spec!.clusterIP!}`;
    const serve = { labels, serves: ["http:8080"] };
    const endpoints = (...ips: readonly string[]): Promise<unknown> =>
      untilSlices(
        t,
        `endpoints ${ips.join()}`,
        "basic",
        (slices) =>
          readyOf(slices).join() ===
          ips
            .map((ip) => `${ip}:8080`)
            .toSorted()
            .join(),
      );
    await ask(t, "client", { url, answers: REFUSED });
    const one = (await startServer(t, "one", serve)).status!.podIP!;
    await endpoints(one);
    await ask(t, "client", { url, answers: ["one"] });
    const two = (await startServer(t, "two", serve)).status!.podIP!;
    await endpoints(one, two);
    await ask(t, "client", { url, answers: ["one", "two"] });
    await deletePod(t, "one");
    await endpoints(two);
    await ask(t, "client", { url, answers: ["two"] });
    await deletePod(t, "two");
    await endpoints();
    await ask(t, "client", { url, answers: REFUSED });
  },
);

conformance(
  "[sig-network] Services should serve multiport endpoints from pods",
  { containers: true },
  async (t) => {
    const labels = { app: "multiport" };
    const ports = [
      { name: "first", port: 80, targetPort: "first" },
      { name: "second", port: 81, targetPort: "second" },
    ];
    const service = newService(t, "multiport", { selector: labels, ports });
    const [{ spec }] = await Promise.all([t.client.create(Services, service, t.signal), startClient(t)]);
    const server = (name: string, port: string, number: number): ReturnType<typeof startServer> =>
      startServer(t, name, {
        labels,
        serves: [`http:${number}`],
        container: { ports: [{ name: port, containerPort: number }] },
      });
    const on = (port: number, ...answers: readonly string[]): Asking => ({
      url: `http://${spec!.clusterIP!}:${port}`,
      answers,
    });
    // a pod is an endpoint of those ports that it has
    const one = (await server("one", "first", 100)).status!.podIP!;
    await ask(t, "client", on(80, "one"), on(81, ...REFUSED));
    const two = (await server("two", "second", 101)).status!.podIP!;
    await ask(t, "client", on(80, "one"), on(81, "two"));
    const wanted = [`first=${one}:100`, `second=${two}:101`].join();
    await untilSlices(t, wanted, "multiport", (slices) => readyOf(slices).join() === wanted);
    await deletePod(t, "one");
    await ask(t, "client", on(80, ...REFUSED), on(81, "two"));
    await deletePod(t, "two");
    await ask(t, "client", on(80, ...REFUSED), on(81, ...REFUSED));
  },
);

conformance(
  "[sig-network] Services should serve endpoints on same port and different protocols",
  { containers: true },
  async (t) => {
    const labels = { app: "protocols" };
    const tcp = { name: "tcp", port: 80, protocol: "TCP", targetPort: 8080 };
    const udp = { name: "udp", port: 80, protocol: "UDP", targetPort: 8080 };
    const service = newService(t, "protocols", { selector: labels, ports: [tcp] });
    const [{ spec }] = await Promise.all([
      t.client.create(Services, service, t.signal),
      startClient(t),
      startServer(t, "server", { labels, serves: ["http:8080", "udp:8080"] }),
    ]);
    const setPorts = (ports: readonly object[]): Promise<unknown> => {
      const body = [{ op: "replace", path: "/spec/ports", value: ports }];
      return t.client.patch(Services, service.metadata, { type: "json", body }, t.signal);
    };
    const asking = (protocol: "http" | "udp", answer: string): Asking => ({
      url: `${protocol}://${spec!.clusterIP!}:80`,
      answers: [answer],
    });
    await ask(t, "client", asking("http", "server"), asking("udp", "ECONNREFUSED"));
    await setPorts([tcp, udp]);
    await ask(t, "client", asking("http", "server"), asking("udp", "server"));
    await setPorts([udp]);
    await ask(t, "client", asking("udp", "server"), asking("http", "ECONNREFUSED"));
  },
);

conformance(
  "[sig-network] Services should be able to create a functioning NodePort service",
  { containers: true },
  async (t) => {
    const labels = { app: "nodeport" };
    const spec = { type: "NodePort", selector: labels, ports: [{ port: 80, targetPort: 8080 }] };
    const service = await t.client.create(Services, newService(t, "nodeport", spec), t.signal);
    const { clusterIP, ports = [] } = service.spec!;
    const nodePort = ports[0]?.nodePort ?? 0;
    assert.ok(nodePort >= 30_000 && nodePort <= 32_767, `${nodePort} is in the range of node ports`);
    const nodes = await nodesOf(t);
    await Promise.all([
      ...["one", "two"].map((name) => startServer(t, name, { labels, serves: ["http:8080"] })),
      startClient(t),
      startClient(t, "host-client", { spec: { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" } }),
    ]);
    const addresses = [`nodeport:80`, `${clusterIP}:80`, ...nodes.map(({ ip }) => `${ip}:${nodePort}`)];
    const askings = addresses.map((to) => ({ url: `http://${to}`, answers: ["one", "two"] }));
    await Promise.all(["client", "host-client"].map((client) => ask(t, client, ...askings)));
  },
);
