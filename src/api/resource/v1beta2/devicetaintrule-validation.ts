/** Rules for DeviceTaintRules: which devices, with what taint. @module */
import { field } from "#apimachinery";
import { validateConditions } from "../../meta/v1/condition-validation.ts";
import { all, NONE, type Causes } from "../../validation/common.ts";
import { validateDriverName, validateLabelLike, validatePoolName } from "../v1/device-names.ts";
import { validateDeviceTaint } from "../v1/device-taint-validation.ts";
import type { DeviceTaintRule, DeviceTaintSelector } from "./types.gen.ts";

const CONDITIONS_MAX = 8;
const CONDITIONS = "status.conditions";

export function validateDeviceTaintRule({ spec }: DeviceTaintRule, old?: DeviceTaintRule): Causes {
  return all(
    validateSelector(spec.deviceSelector ?? {}, "spec.deviceSelector"),
    validateDeviceTaint(spec.taint, "spec.taint", old?.spec.taint),
  );
}

function validateSelector({ driver, pool, device }: DeviceTaintSelector, path: string): Causes {
  return all(
    driver === undefined ? NONE : validateDriverName(driver, field.child(path, "driver")),
    pool === undefined ? NONE : validatePoolName(pool, field.child(path, "pool")),
    device === undefined ? NONE : validateLabelLike(device, field.child(path, "device")),
  );
}

export function validateDeviceTaintRuleStatusUpdate({ status }: DeviceTaintRule): Causes {
  const conditions = status?.conditions ?? [];
  return all(
    validateConditions(conditions, CONDITIONS),
    conditions.length > CONDITIONS_MAX
      ? [field.tooMany(CONDITIONS, conditions.length, CONDITIONS_MAX)]
      : NONE,
  );
}
