/** The status of a ResourceQuota, without clock, cache or network. @module */
import { compareAmounts, formatQuantity, parseQuantity } from "#apimachinery";
import type { QuotaSource } from "#api/core/v1/quota/index";
import { calculateUsage, maskUsage } from "#api/core/v1/quota/index";
import type { ResourceQuota, ResourceQuotaStatus } from "#api/core/v1/types.gen";

type ResourceList = Readonly<Record<string, string>>;

/**
 * Undefined: the status is right. `mayLower`: false when only additions are known of. Admission counts an object before
 * any cache shows it, so that a count may fall only after something was seen to go.
 */
export function planStatus(
  quota: ResourceQuota,
  sources: readonly QuotaSource[],
  mayLower: boolean,
  nowMs: number,
): ResourceQuotaStatus | undefined {
  const hard = quota.spec?.hard ?? {};
  const before = quota.status?.used ?? {};
  const counted = calculateUsage(quota.spec ?? {}, sources, nowMs);
  const known = maskUsage({ ...before, ...counted }, Object.keys(hard));
  const used = canonical(mayLower ? known : highest(before, known));
  const isRight = isSame(quota.status?.hard, hard) && isSame(quota.status?.used, used);
  return isRight ? undefined : { hard, used };
}

function highest(a: ResourceList, b: ResourceList): ResourceList {
  const higher = Object.entries(b).map(([name, amount]) => {
    const other = a[name];
    const isLess = other !== undefined && compareAmounts(amount, other) < 0;
    return [name, isLess ? other : amount];
  });
  return Object.fromEntries(higher);
}

function canonical(list: ResourceList): ResourceList {
  const entries = Object.entries(list).map(([name, amount]) => [name, formatQuantity(parseQuantity(amount))]);
  return Object.fromEntries(entries);
}

function isSame(a: ResourceList | undefined, b: ResourceList): boolean {
  if (a === undefined) return false;
  const names = Object.keys(b);
  if (Object.keys(a).length !== names.length) return false;
  return names.every((name) => {
    const amount = a[name];
    return amount !== undefined && compareAmounts(amount, b[name]!) === 0;
  });
}
