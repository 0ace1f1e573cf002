/** DeviceTaintRules: a taint whose effect changes is as old as that change, unless its writer says otherwise. @module */
import { formatTime } from "#apimachinery";
import type { DeviceTaintRule } from "#api/resource/v1beta2/types.gen";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";

export function deviceTaintRuleHooks(nowMs: () => number): ResourceHooks {
  return {
    beginUpdate: (object, old) => {
      const rule = object as DeviceTaintRule;
      const [taint, was] = [rule.spec.taint, (old as DeviceTaintRule).spec.taint];
      const isNew = taint.effect !== was.effect || taint.timeAdded === undefined;
      if (!isNew || (taint.timeAdded !== undefined && taint.timeAdded !== was.timeAdded))
        return Promise.resolve(nothingBegun(object));
      const timed = { ...taint, timeAdded: formatTime(nowMs()) };
      const changed: DeviceTaintRule = { ...rule, spec: { ...rule.spec, taint: timed } };
      return Promise.resolve(nothingBegun(changed));
    },
  };
}
