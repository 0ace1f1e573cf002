/** PriorityClasses as objects. */
import assert from "node:assert/strict";
import { isInvalid } from "#apimachinery";
import { PriorityClasses } from "#api/scheduling/v1/priorityclass";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { conformance } from "../harness/index.ts";
import { newPriority } from "./own-node.ts";

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods",
  async (t) => {
    const { client, signal } = t;
    await checkOperations(t, { kind: PriorityClasses, body: { value: 7, description: "of a test" } });
    const name = await newPriority(t, 5);
    const made = await client.get(PriorityClasses, { name }, signal);
    assert.deepEqual([made.value, made.preemptionPolicy], [5, "PreemptLowerPriority"]);
    // Its value is what pods were admitted with, and stays.
    await assert.rejects(client.update(PriorityClasses, { ...made, value: 6 }, signal), isInvalid);
    const patch = { type: "merge", body: { value: 6 } } as const;
    await assert.rejects(client.patch(PriorityClasses, { name }, patch, signal), isInvalid);
    const updated = await client.update(PriorityClasses, { ...made, description: "another" }, signal);
    assert.deepEqual([updated.value, updated.description], [5, "another"]);
    assert.equal((await client.get(PriorityClasses, { name }, signal)).value, 5);
  },
);
