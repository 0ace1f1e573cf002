/** Which events tell of a change of a node's conditions. @module */
import type { NodeCondition } from "#api/core/v1/types.gen";

/** Condition -> reason of the event when it becomes True, and when it becomes False. In the order they are told. */
const REASONS: readonly [type: string, whenTrue: string, whenFalse: string][] = [
  ["MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory"],
  ["DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure"],
  ["PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID"],
  ["Ready", "NodeReady", "NodeNotReady"],
];

/** A node that is new tells of all; that it is not Ready yet goes without saying. */
export function planConditionEvents(
  before: readonly NodeCondition[],
  after: readonly NodeCondition[],
): readonly string[] {
  return REASONS.flatMap(([type, whenTrue, whenFalse]) => {
    const old = statusOf(before, type);
    const now = statusOf(after, type);
    if (now === undefined || now === old) return [];
    if (type === "Ready" && now !== "True" && old === undefined) return [];
    return [now === "True" ? whenTrue : whenFalse];
  });
}

function statusOf(conditions: readonly NodeCondition[], type: string): string | undefined {
  return conditions.find((condition) => condition.type === type)?.status;
}
