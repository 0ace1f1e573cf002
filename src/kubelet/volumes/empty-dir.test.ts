import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceRequirements } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { hugePageSize, tmpfsBytes } from "./empty-dir.ts";

const podWith = (...resources: readonly ResourceRequirements[]) =>
  testPod({ containers: resources.map((one, i) => testContainer(`c${i}`, { resources: one })) });
const MI = 2 ** 20;

test("tmpfsBytes() is the least of the node, the pod and the volume", () => {
  const limited = podWith({ limits: { memory: "10Mi" } }, { limits: { memory: "20Mi" } });
  const half = podWith({ limits: { memory: "10Mi" } }, {});
  assert.equal(tmpfsBytes(half, undefined, 100 * MI), 100 * MI);
  assert.equal(tmpfsBytes(limited, undefined, 100 * MI), 30 * MI);
  assert.equal(tmpfsBytes(limited, "5Mi", 100 * MI), 5 * MI);
  assert.equal(tmpfsBytes(limited, "50Mi", 100 * MI), 30 * MI);
  const whole = testPod({ resources: { limits: { memory: "7Mi" } } });
  assert.equal(tmpfsBytes(whole, undefined, 100 * MI), 7 * MI);
});

test("hugePageSize() takes the size that the containers ask for", () => {
  const small = podWith({ requests: { "hugepages-2Mi": "4Mi" } });
  const both = podWith({ requests: { "hugepages-2Mi": "4Mi" } }, { requests: { "hugepages-1Gi": "1Gi" } });
  assert.equal(hugePageSize("HugePages", small), String(2 * MI));
  assert.equal(hugePageSize("HugePages-1Gi", both), String(2 ** 30));
  assert.throws(() => hugePageSize("HugePages", both), {
    message: "medium: HugePages can't be used if container requests multiple huge page sizes",
  });
  assert.throws(() => hugePageSize("HugePages-1Gi", small), {
    message:
      "medium HugePages-1Gi: hugePages storage requested, but there is no resource request for huge pages",
  });
});
