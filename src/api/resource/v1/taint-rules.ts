/** Taints that DeviceTaintRules put on devices beside those of their drivers. @module */
import type { DeviceTaint, DeviceTaintRule, ResourceSlice } from "./types.gen.ts";

/** Of every rule that selects the device. A rule without a selector selects none, an empty selector all. */
export function taintsOfRules(
  rules: readonly DeviceTaintRule[],
  driver: string,
  pool: string,
  device: string,
): readonly DeviceTaint[] {
  const chosen = rules.filter(({ spec: { deviceSelector: selector } }) => {
    if (selector === undefined) return false;
    return (
      (selector.driver ?? driver) === driver &&
      (selector.pool ?? pool) === pool &&
      (selector.device ?? device) === device
    );
  });
  return chosen.map(({ spec }) => spec.taint);
}

/** The slice as if its driver had set the taints of the rules; the same one where none selects its devices. */
export function withRuleTaints(slice: ResourceSlice, rules: readonly DeviceTaintRule[]): ResourceSlice {
  const { driver, pool, devices = [] } = slice.spec;
  if (rules.length === 0) return slice;
  const added = devices.map(({ name }) => taintsOfRules(rules, driver, pool.name, name));
  if (added.every((taints) => taints.length === 0)) return slice;
  const tainted = devices.map((device, i) =>
    added[i]!.length === 0 ? device : { ...device, taints: [...(device.taints ?? []), ...added[i]!] },
  );
  return { ...slice, spec: { ...slice.spec, devices: tainted } };
}
