/** EndpointSlices that a client writes for a Service without a selector: traffic goes to every endpoint of every slice. */
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { Services } from "#api/core/v1/service";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { ask, startClient, startServer } from "./net-pods.ts";
import { newService } from "./services.ts";

const SERVES = ["http:8090", "http:8091"];

function sliceOf(
  t: ContainersContext,
  name: string,
  service: string,
  port: { readonly name: string; readonly port: number },
  pods: readonly Pod[],
): EndpointSlice {
  const labels = { "kubernetes.io/service-name": service };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: t.namespace, labels },
    addressType: "IPv4",
    ports: [{ ...port, protocol: "TCP" }],
    endpoints: pods.map(({ status }) => ({ addresses: [status!.podIP!], conditions: { ready: true } })),
  };
}

conformance(
  "[sig-network] EndpointSlice should support a Service with multiple endpoint IPs specified in multiple EndpointSlices",
  { containers: true },
  async (t) => {
    const [one, two] = await Promise.all([
      startServer(t, "one", { serves: SERVES }),
      startServer(t, "two", { serves: SERVES }),
      startClient(t),
    ]);
    const ports = [
      { name: "a", port: 8090 },
      { name: "b", port: 8091 },
    ];
    await t.client.create(Services, newService(t, "by-hand", { ports }), t.signal);
    const url = "http://by-hand";
    const [a, b] = ports;
    // each slice has one pod, and one of the ports
    await t.client.create(EndpointSlices, sliceOf(t, "first", "by-hand", a!, [one]), t.signal);
    await t.client.create(EndpointSlices, sliceOf(t, "second", "by-hand", b!, [two]), t.signal);
    await ask(
      t,
      "client",
      { url: `${url}:8090`, answers: ["one"] },
      { url: `${url}:8091`, answers: ["two"] },
    );
    // a third brings a second pod to a port
    await t.client.create(EndpointSlices, sliceOf(t, "third", "by-hand", a!, [two]), t.signal);
    await ask(t, "client", { url: `${url}:8090`, answers: ["one", "two"] });
    await t.client.delete(EndpointSlices, { namespace: t.namespace, name: "first" }, t.signal);
    await ask(t, "client", { url: `${url}:8090`, answers: ["two"] });
  },
);

conformance(
  "[sig-network] EndpointSlice should support a Service with multiple ports specified in multiple EndpointSlices",
  { containers: true },
  async (t) => {
    const [one, two] = await Promise.all([
      startServer(t, "one", { serves: SERVES }),
      startServer(t, "two", { serves: SERVES }),
      startClient(t),
    ]);
    const ports = [
      { name: "a", port: 80 },
      { name: "b", port: 81 },
    ];
    await t.client.create(Services, newService(t, "by-hand", { ports }), t.signal);
    const url = "http://by-hand";
    const write = (name: string, port: string, number: number, pods: readonly Pod[]): Promise<unknown> =>
      t.client.create(
        EndpointSlices,
        sliceOf(t, name, "by-hand", { name: port, port: number }, pods),
        t.signal,
      );
    await write("first", "a", 8090, [one, two]);
    await ask(
      t,
      "client",
      { url: `${url}:80`, answers: ["one", "two"] },
      { url: `${url}:81`, answers: ["ECONNREFUSED"] },
    );
    await write("second", "b", 8091, [one, two]);
    await ask(
      t,
      "client",
      { url: `${url}:80`, answers: ["one", "two"] },
      { url: `${url}:81`, answers: ["one", "two"] },
    );
  },
);
