import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { DeviceClass } from "#api/resource/v1/types.gen";
import { readResources } from "../../cache/resources.ts";
import {
  asksForDevices,
  extendedClaimOf,
  newExtendedClaim,
  requestsAndMappings,
  resourcesOfDevices,
} from "./extended-resources.ts";

const GPU = "example.com/gpu";
const NIC = "deviceclass.resource.kubernetes.io/nic";
const gpus = { metadata: { name: "gpu" }, spec: {} } as DeviceClass;
const nics = { metadata: { name: "nic" }, spec: {} } as DeviceClass;
const classOf = (name: string): DeviceClass | undefined =>
  name === GPU ? gpus : name === NIC ? nics : undefined;

function container(name: string, requests: Readonly<Record<string, string>>, isSidecar = false): Container {
  return { name, resources: { requests }, ...(isSidecar && { restartPolicy: "Always" }) };
}

function newPod(containers: readonly Container[], initContainers: readonly Container[] = []): Pod {
  const metadata = { name: "p", namespace: "default", uid: "u" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers, initContainers } };
}

interface Case {
  readonly name: string;
  readonly pod: Pod;
  /** `request class count`. */
  readonly requests: readonly string[];
  /** `container resource request`. */
  readonly mappings: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "numbers requests by container, and by resource within it",
    pod: newPod([
      container("a", { cpu: "1", [GPU]: "2" }),
      container("b", { [NIC]: "1", [GPU]: "1", memory: "1Gi" }),
      container("c", { cpu: "1", [GPU]: "0" }),
    ]),
    requests: ["container-0-request-1 gpu 2", "container-1-request-0 nic 1", "container-1-request-1 gpu 1"],
    mappings: [
      `b ${NIC} container-1-request-0`,
      `a ${GPU} container-0-request-1`,
      `b ${GPU} container-1-request-1`,
    ],
  },
  {
    name: "gives init containers what later containers have",
    pod: newPod([container("a", { [GPU]: "2" })], [container("init", { [GPU]: "2" })]),
    requests: ["container-1-request-0 gpu 2"],
    mappings: [`a ${GPU} container-1-request-0`, `init ${GPU} container-1-request-0`],
  },
  {
    name: "asks for the rest of what the greediest init container needs",
    pod: newPod(
      [container("a", { [GPU]: "1" })],
      [container("one", { [GPU]: "2" }), container("two", { [GPU]: "4" })],
    ),
    requests: ["container-1-request-0 gpu 3", "container-2-request-0 gpu 1"],
    mappings: [
      `a ${GPU} container-2-request-0`,
      `one ${GPU} container-2-request-0`,
      `one ${GPU} container-1-request-0`,
      `two ${GPU} container-2-request-0`,
      `two ${GPU} container-1-request-0`,
    ],
  },
  {
    name: "keeps what a sidecar has from init containers after it",
    pod: newPod(
      [container("a", { cpu: "1" })],
      [container("side", { [GPU]: "1" }, true), container("init", { [GPU]: "1" })],
    ),
    requests: ["container-0-request-0 gpu 1", "container-1-request-0 gpu 1"],
    mappings: [`side ${GPU} container-0-request-0`, `init ${GPU} container-1-request-0`],
  },
];

for (const { name, pod, requests, mappings } of cases) {
  test(`requestsAndMappings() ${name}`, () => {
    const asked = requestsAndMappings(pod, [GPU, NIC], classOf);
    const shown = asked.requests.map((r) => `${r.name} ${r.exactly!.deviceClassName} ${r.exactly!.count}`);
    assert.deepEqual(shown, requests);
    assert.deepEqual(
      asked.mappings.map((m) => `${m.containerName} ${m.resourceName} ${m.requestName}`),
      mappings,
    );
  });
}

const asks = (requests: Readonly<Record<string, string>>): boolean =>
  asksForDevices(readResources(requests), classOf);

test("asksForDevices() looks for a class behind an amount", () => {
  assert.equal(asks({ cpu: "1" }), false);
  assert.equal(asks({ "example.com/other": "1" }), false);
  assert.equal(asks({ [GPU]: "0" }), false);
  assert.equal(asks({ [GPU]: "1" }), true);
  assert.equal(asks({ [NIC]: "1" }), true);
});

test("resourcesOfDevices() leaves to device plugins what they have", () => {
  const wanted = readResources({ [GPU]: "2", [NIC]: "1", "example.com/other": "1", "hugepages-2Mi": "2Mi" });
  const on = (allocatable: Readonly<Record<string, string>>): readonly string[] | undefined =>
    resourcesOfDevices(wanted, readResources(allocatable), classOf);
  assert.equal(on({}), undefined);
  assert.deepEqual(on({ "example.com/other": "1" }), [GPU, NIC]);
  assert.deepEqual(on({ "example.com/other": "0", [GPU]: "1", [NIC]: "0" }), [NIC]);
});

test("extendedClaimOf() knows the claim that newExtendedClaim() makes", () => {
  const claim = newExtendedClaim(newPod([]), []);
  assert.equal(claim.metadata.generateName, "p-extended-resources-");
  const other = { ...claim, metadata: { ...claim.metadata, annotations: {} } };
  assert.equal(extendedClaimOf([other, claim]), claim);
  assert.equal(extendedClaimOf([other]), undefined);
});
