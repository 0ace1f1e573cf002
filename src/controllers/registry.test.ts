import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerNames, offByDefault, selectControllers } from "./registry.ts";

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
];

for (const { names, want } of cases) {
  test(`selectControllers() resolves ${JSON.stringify(names)}`, () =>
    assert.deepEqual(selectControllers(names), want));
}

test("selectControllers() refuses names that do not exist", () => {
  const message = 'Controller "foo" is not in the list of known controllers';
  assert.throws(() => selectControllers(["*", "-foo"]), { name: "RangeError", message });
});
