import assert from "node:assert/strict";
import { test } from "node:test";
import { kubeletAddress } from "./kubelet-address.ts";
import type { NodeAddress } from "./types.gen.ts";

const node = (addresses: readonly NodeAddress[], Port?: number): Parameters<typeof kubeletAddress>[0] => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1" },
  status: { addresses, ...(Port !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port } } }) },
});

test("kubeletAddress() takes the address that needs no name service, and passes over empty ones", () => {
  const name = { type: "Hostname", address: "n1" };
  const external = { type: "ExternalIP", address: "192.0.2.1" };
  const internal = { type: "InternalIP", address: "10.0.0.1" };
  assert.deepEqual(kubeletAddress(node([external, name, internal])), { host: "10.0.0.1", port: 10_250 });
  assert.deepEqual(kubeletAddress(node([external, name, { ...internal, address: "" }], 10_260)), {
    host: "n1",
    port: 10_260,
  });
  assert.equal(kubeletAddress(node([])), undefined);
});
