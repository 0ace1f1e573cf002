import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { AllocatedDeviceStatus, ResourceClaim } from "#api/resource/v1/types.gen";
import type { Authorizer, UserInfo } from "../user-info.ts";
import { forever, refusal, start } from "../server-fixture.ts";
import { claimStatusCauses } from "./claim-status-authorization.ts";

const driver: UserInfo = {
  name: "system:serviceaccount:gpus:driver",
  groups: ["system:authenticated"],
  extra: { "authentication.kubernetes.io/node-name": ["n1"] },
};
const onNode = (name: string): object => ({
  nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
});
const device = (of: string, data = 1): AllocatedDeviceStatus => ({
  driver: of,
  pool: "p",
  device: "d",
  data: { data },
});
const claim = (status: object = {}): ResourceClaim => ({
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceClaim",
  metadata: { name: "c", namespace: "ns" },
  spec: {},
  status,
});

/** Allows what is listed: `verb resource/subresource namespace/name`. */
function only(...allowed: readonly string[]): Authorizer {
  return {
    authorize: ({ verb, resource, subresource, namespace, name }) => ({
      allowed: allowed.includes(`${verb} ${resource}/${subresource} ${namespace}/${name}`),
    }),
  };
}

const allocation = { devices: {}, nodeSelector: onNode("n1") };
const elsewhere = { devices: {}, nodeSelector: onNode("n2") };
const BINDING = "update resourceclaims/binding /";
const near = (name: string): string => `associated-node:update resourceclaims/driver ns/${name}`;
const far = (name: string): string => `arbitrary-node:update resourceclaims/driver ns/${name}`;
const fields = ["status.allocation", "status.devices"] as const;

suite("claimStatusCauses()", () => {
  for (const [what, before, after, allowed, refused] of [
    ["nothing changes", { allocation }, { allocation }, [], []],
    ["a claim is allocated without the right", {}, { allocation }, [], [fields[0]]],
    ["a claim is allocated", {}, { allocation }, [BINDING], []],
    ["a claim is reserved without the right", {}, { reservedFor: [{ name: "p" }] }, [], [fields[0]]],
    ["a driver tells of its node", { allocation }, { allocation, devices: [device("a")] }, [near("a")], []],
    ["a driver may tell of any node", { allocation }, { allocation, devices: [device("a")] }, [far("a")], []],
    [
      "a driver tells of another node",
      { allocation: elsewhere },
      { allocation: elsewhere, devices: [device("a")] },
      [near("a")],
      [fields[1]],
    ],
    [
      "a driver changes what another one tells",
      { allocation, devices: [device("a"), device("b")] },
      { allocation, devices: [device("a", 2), device("b", 2)] },
      [near("a")],
      [fields[1]],
    ],
    [
      "a driver takes away what another one tells",
      { allocation, devices: [device("a"), device("b")] },
      { allocation, devices: [device("a")] },
      [near("a")],
      [fields[1]],
    ],
    ["the scheduler deallocates", { allocation, devices: [device("a")] }, {}, [BINDING], []],
  ] as const)
    test(`claimStatusCauses() when ${what}`, async () => {
      const writer = { user: driver, verb: "update", version: "v1" };
      const causes = await claimStatusCauses(claim(after), claim(before), writer, only(...allowed));
      assert.deepEqual(
        causes.map(({ field }) => field),
        refused,
      );
    });

  test("claimStatusCauses() says what right is missing", async () => {
    const writer = { user: driver, verb: "patch", version: "v1" };
    const changed = claim({ allocation, devices: [device("gpu.example.com")] });
    const who = 'User "system:serviceaccount:gpus:driver" cannot';
    const causes = await claimStatusCauses(changed, claim(), writer, only());
    assert.deepEqual(
      causes.map(({ message }) => message),
      [
        `Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" permission: resourceclaims.resource.k8s.io is forbidden: ${who} patch resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope`,
        `Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[associated-node:patch arbitrary-node:patch]" permission: resourceclaims.resource.k8s.io "gpu.example.com" is forbidden: ${who} associated-node:patch resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "ns"`,
      ],
    );
  });
});

test("an API server asks for resourceclaims/binding when somebody who may write the status reserves a claim", async () => {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    authorize: ({ verb, resource, subresource }) => {
      asked.push(`${verb} ${resource}/${subresource}`);
      return { allowed: subresource !== "binding" };
    },
  };
  const { server, send } = await start({ authorizer, priorityAndFairness: false });
  const path = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
  const request = { name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } };
  const made = await send("POST", path, {
    metadata: { name: "c" },
    spec: { devices: { requests: [request] } },
  });
  const transport = server.transport({ name: "jane", groups: [] });
  const patched = (body: object): Promise<unknown> =>
    transport.request(
      {
        method: "PATCH",
        path: `${path}/c/status`,
        headers: { "content-type": "application/merge-patch+json" },
        body,
      },
      forever,
    );
  const result = { request: "r", driver: "gpu.example.com", pool: "p", device: "d" };
  const { code, message } = await refusal(
    patched({ status: { allocation: { devices: { results: [result] } } } }),
  );
  assert.equal(code, 422);
  assert.match(message, /status\.allocation: Forbidden: changing status\.allocation or .*verb="patch"/);
  assert.ok(asked.includes("patch resourceclaims/binding"));
  await patched({ metadata: { labels: { a: "b" }, resourceVersion: made.metadata.resourceVersion } });
});
