import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { newClient, newInformerFactory, type Transport } from "#client";
import type { Controller } from "#controller-runtime";
import { controllerNames, newControllers, offByDefault, selectControllers } from "./registry.ts";

const usual = controllerNames.filter((name) => !offByDefault.includes(name));

const cases = [
  { names: ["*"], want: usual },
  { names: ["*", ...offByDefault], want: controllerNames },
  {
    names: ["*", "-deployment-controller"],
    want: usual.filter((name) => name !== "deployment-controller"),
  },
  {
    names: ["deployment-controller", "replicaset-controller"],
    want: ["deployment-controller", "replicaset-controller"],
  },
  { names: ["deployment-controller", "-deployment-controller"], want: ["deployment-controller"] },
  { names: ["-deployment-controller", "deployment-controller"], want: [] },
  {
    names: ["deployment", "garbagecollector"],
    want: ["deployment-controller", "garbage-collector-controller"],
  },
  { names: ["*", "-deployment"], want: usual.filter((name) => name !== "deployment-controller") },
  { names: [], want: [] },
  { names: ["*", "-selinux-warning-controller", "-storage-version-gc"], want: usual },
  { names: ["route", "cloud-node-lifecycle", "ttl"], want: ["ttl-controller"] },
];

for (const { names, want } of cases) {
  test(`selectControllers() resolves ${JSON.stringify(names)}`, () =>
    assert.deepEqual(selectControllers(names), want));
}

test("selectControllers() refuses names that do not exist", () => {
  const message = 'Controller "foo" is not in the list of known controllers';
  assert.throws(() => selectControllers(["*", "-foo"]), { name: "RangeError", message });
});

/** Nothing is asked of the client before informers start. */
function construct(names: readonly string[], warnings: unknown[] = []): readonly Controller[] {
  const client = newClient({} as Transport);
  const logger = { ...silentLogger, warn: (_text: string, fields?: object) => warnings.push(fields) };
  const context = {
    client,
    informers: newInformerFactory({ client }),
    recorder: { event: () => {} },
    clock: new FakeClock(),
    logger: { ...logger, child: () => silentLogger },
  };
  return newControllers(context, { names, clientFor: () => client });
}

test("newControllers() gives every queue its own name, that of Kubernetes where there is one", () => {
  const names = construct(["*", ...offByDefault]).map(({ queueName = "" }) => queueName);
  assert.equal(new Set(names).size, names.length);
  const expected = [
    "deployment",
    "endpoint_slice",
    "job_orphan_pod",
    "stale_pod_disruption",
    "vacprotection",
  ];
  for (const name of expected) assert.ok(names.includes(name), name);
});

test("newControllers() warns of controllers that it was asked for and does not have", () => {
  const warnings: unknown[] = [];
  const made = construct(["*", "ttl", "-storage-version-gc", "selinux-warning-controller"], warnings);
  assert.ok(made.length > 1);
  const why = "it is off by default, and its warnings are not built";
  assert.deepEqual(warnings, [{ controller: "selinux-warning-controller", why }]);
});
