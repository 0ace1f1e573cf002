/** The API server as a Service: `kubernetes` in the namespace `default`, with the addresses of the servers behind it. */
import assert from "node:assert/strict";
import { Endpoints } from "#api/core/v1/endpoints";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { conformance } from "../harness/index.ts";
import { ask, startClient } from "./net-pods.ts";

const REF = { namespace: "default", name: "kubernetes" };
const SUITE = "[sig-network] API Server should";

conformance(`${SUITE} provide secure master service`, { containers: true }, async (t) => {
  const { spec } = await t.client.get(Services, REF, t.signal);
  assert.deepEqual(
    spec?.ports?.map(({ name, port, protocol }) => ({ name, port, protocol })),
    [{ name: "https", port: 443, protocol: "TCP" }],
  );
});

conformance(
  `${SUITE} have Endpoints and EndpointSlices pointing to API Server`,
  { containers: true },
  async (t) => {
    const { spec } = await t.client.get(Services, REF, t.signal);
    const { subsets = [] } = await t.client.get(Endpoints, REF, t.signal);
    const addresses = subsets.flatMap((subset) =>
      (subset.addresses ?? []).flatMap(({ ip }) => (subset.ports ?? []).map(({ port }) => `${ip}:${port}`)),
    );
    assert.ok(addresses.length > 0, "there is an API server");
    const labelSelector = `kubernetes.io/service-name=${REF.name}`;
    const slices = await t.client.list(EndpointSlices, { namespace: REF.namespace, labelSelector }, t.signal);
    const sliced = slices.items.flatMap((slice) =>
      (slice.endpoints ?? []).flatMap((endpoint) =>
        endpoint.addresses.flatMap((ip) => (slice.ports ?? []).map(({ port }) => `${ip}:${port}`)),
      ),
    );
    assert.deepEqual(sliced.toSorted(), addresses.toSorted());
    // whoever speaks plainly there is told that it is HTTPS
    await startClient(t);
    const urls = [...addresses, `${spec!.clusterIP!}:443`].map((address) => `http://${address}/version`);
    for (const [answer] of await ask(t, "client", ...urls.map((url) => ({ url, count: 1 }))))
      assert.doesNotMatch(answer!, /ECONNREFUSED|ETIMEDOUT/);
    const version = await t.kubectl("get", "--raw", "/version");
    assert.match(version, /gitVersion/);
  },
);
