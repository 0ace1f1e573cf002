/** Whether a write fits into the quotas of its namespace, and what they hold afterwards. Pure; upstream's `CheckRequest`. @module */
import {
  addQuantity,
  canonicalQuantity,
  compareAmounts,
  compareStrings,
  formatQuantity,
  parseQuantity,
  signOf,
  subQuantity,
  type KubeObject,
} from "#apimachinery";
import type { ResourceList } from "#api/core/v1/pod-resources";
import { maskUsage, quotaMatches, type QuotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import type { Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import { checkLimited } from "./check-limited.ts";
import type { LimitedResource } from "./configuration.ts";

/** The quotas with the write counted, in the same order; one that it does not touch stays the same. Throws a refusal. */
export function checkRequest(
  quotas: readonly ResourceQuota[],
  attributes: Attributes,
  evaluator: QuotaEvaluator,
  nowMs: number,
  limited: readonly LimitedResource[] = [],
): readonly ResourceQuota[] {
  const object = attributes.object!;
  const concerned = quotas.filter((quota) => matches(evaluator, quota, object));
  if (concerned.length === 0 && limited.length === 0) return quotas;
  for (const quota of concerned) checkConstraints(quota, object, evaluator, attributes);
  const usage = evaluator.usage(object, nowMs);
  const negative = Object.keys(usage).filter((name) => signOf(parseQuantity(usage[name]!)) < 0);
  if (negative.length > 0) {
    throw refuse(attributes, `quota usage is negative for resource(s): ${sorted(negative).join(",")}`);
  }
  const added = new Map(
    concerned.map((quota) => [
      quota,
      withoutZeros(
        deltaOf(usage, matches(evaluator, quota, attributes.oldObject), attributes, evaluator, nowMs),
      ),
    ]),
  );
  if (limited.length > 0) {
    const used =
      concerned.length > 0
        ? [...added.values()]
        : [withoutZeros(deltaOf(usage, true, attributes, evaluator, nowMs))];
    if (used.every((list) => Object.keys(list).length === 0)) return quotas;
    checkLimited(limited, { quotas, concerned, usage, evaluator, attributes });
  }
  return quotas.map((quota) => {
    const list = added.get(quota) ?? {};
    return Object.keys(list).length === 0 ? quota : charge(quota, list, attributes);
  });
}

/** By the bounds that were counted: those of a new quota are nobody's concern until its status is there. */
function matches(
  evaluator: QuotaEvaluator,
  { spec, status }: ResourceQuota,
  object: KubeObject | undefined,
): boolean {
  return object !== undefined && quotaMatches(evaluator, { ...spec, hard: status?.hard ?? {} }, object);
}

function checkConstraints(
  { metadata, status }: ResourceQuota,
  object: KubeObject,
  evaluator: QuotaEvaluator,
  attributes: Attributes,
): void {
  const names = evaluator.matchingResources(Object.keys(status?.hard ?? {}));
  const problem = evaluator.constraints(names, object);
  if (problem !== undefined) throw refuse(attributes, `failed quota: ${metadata.name}: ${problem}`);
  if (names.every((name) => status?.used?.[name] !== undefined)) return;
  const list = sorted(names).join(",");
  throw refuse(attributes, `status unknown for quota: ${metadata.name}, resources: ${list}`);
}

/** An update that the quota covered before costs what it adds; what it frees is given back by the controller. */
function deltaOf(
  usage: ResourceList,
  wasCovered: boolean,
  { operation, oldObject }: Attributes,
  evaluator: QuotaEvaluator,
  nowMs: number,
): ResourceList {
  if (operation !== "UPDATE" || oldObject === undefined) return usage;
  if (!wasCovered) return usage;
  const before = evaluator.usage(oldObject, nowMs);
  const delta = Object.entries(usage).map(([name, amount]) => {
    const difference = subQuantity(parseQuantity(amount), parseQuantity(before[name] ?? "0"));
    return [name, signOf(difference) > 0 ? formatQuantity(difference) : "0"];
  });
  return Object.fromEntries(delta);
}

function charge(quota: ResourceQuota, added: ResourceList, attributes: Attributes): ResourceQuota {
  const { hard = {}, used = {} } = quota.status ?? {};
  const requested = maskUsage(added, Object.keys(hard));
  const names = Object.keys(requested);
  if (names.length === 0) return quota;
  const newUsed: Record<string, string> = { ...used };
  for (const name of names) {
    const sum = addQuantity(parseQuantity(used[name] ?? "0"), parseQuantity(requested[name]!));
    newUsed[name] = formatQuantity(sum);
  }
  // What status writers add has happened already: it is counted, not refused.
  if (attributes.subresource !== "status") {
    const exceeded = names.filter((name) => compareAmounts(newUsed[name]!, hard[name]!) > 0);
    if (exceeded.length > 0) {
      const show = (list: ResourceList): string => shown(maskUsage(list, exceeded));
      const bounds = `requested: ${show(requested)}, used: ${show(used)}, limited: ${show(hard)}`;
      throw refuse(attributes, `exceeded quota: ${quota.metadata.name}, ${bounds}`);
    }
  }
  return { ...quota, status: { ...quota.status, hard, used: newUsed } };
}

function withoutZeros(list: ResourceList): ResourceList {
  return Object.fromEntries(Object.entries(list).filter(([, amount]) => signOf(parseQuantity(amount)) !== 0));
}

function shown(list: ResourceList): string {
  return sorted(Object.keys(list))
    .map((name) => `${name}=${canonicalQuantity(list[name]!)}`)
    .join(",");
}

function sorted(names: readonly string[]): readonly string[] {
  return names.toSorted(compareStrings);
}
