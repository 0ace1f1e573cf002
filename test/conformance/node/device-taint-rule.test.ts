/** DeviceTaintRules as objects of the API. */
import assert from "node:assert/strict";
import { DeviceTaintRules } from "#api/resource/v1/devicetaintrule";
import type { DeviceTaintRule } from "#api/resource/v1/types.gen";
import { formatTime, isInvalid, systemClock } from "#apimachinery";
import { checkOperations, checkStatusOperations } from "../api-machinery/api-operations.ts";
import { conformance } from "../harness/index.ts";

conformance(
  "[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceTaintRule",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    const spec: DeviceTaintRule["spec"] = {
      deviceSelector: { driver: `${unique}.example.com` },
      taint: { key: "example.com/broken", value: "yes", effect: "NoSchedule" },
    };
    await checkOperations(t, { kind: DeviceTaintRules, body: { spec } });
    const rule: DeviceTaintRule = {
      apiVersion: "resource.k8s.io/v1",
      kind: "DeviceTaintRule",
      metadata: { name: unique },
      spec,
    };
    t.cleanup((undoing) => client.delete(DeviceTaintRules, { name: unique }, undoing));
    const made = await client.create(DeviceTaintRules, rule, signal);
    assert.equal(made.metadata.generation, 1);
    assert.ok(made.spec.taint.timeAdded, "the taint is as old as the rule");
    const withEffect = (effect: string): Promise<DeviceTaintRule> => {
      const patch = { type: "merge", body: { spec: { taint: { effect } } } } as const;
      return client.patch(DeviceTaintRules, { name: unique }, patch, signal);
    };
    await assert.rejects(withEffect("Now"), isInvalid);
    assert.equal((await withEffect("None")).metadata.generation, 2);
    await checkStatusOperations(
      t,
      DeviceTaintRules,
      unique,
      (object, mark) => ({
        ...object,
        status: {
          conditions: [
            {
              type: "example.com/Looked",
              status: "True",
              reason: "Test",
              message: mark,
              lastTransitionTime: formatTime(systemClock.now()),
            },
          ],
        },
      }),
      ({ status }) => status?.conditions?.find(({ type }) => type === "example.com/Looked")?.message,
    );
  },
);
