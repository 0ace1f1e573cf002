/** ResourceQuotas in the namespace of a test, and waits for what they say is used. @module */
import assert from "node:assert/strict";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import type { ResourceQuota, ResourceQuotaSpec } from "#api/core/v1/types.gen";
import { StatusError } from "#apimachinery";
import type { ConformanceContext } from "../harness/index.ts";

export type Amounts = Readonly<Record<string, string>>;

export function newQuota(
  t: ConformanceContext,
  name: string,
  hard: Amounts,
  spec: Partial<ResourceQuotaSpec> = {},
): ResourceQuota {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name, namespace: t.namespace },
    spec: { ...spec, hard },
  };
}

/** Resolves when all of it has been counted: from then on it is enforced. */
export async function createQuota(
  t: ConformanceContext,
  name: string,
  hard: Amounts,
  spec?: Partial<ResourceQuotaSpec>,
): Promise<ResourceQuota> {
  const made = await t.client.create(ResourceQuotas, newQuota(t, name, hard, spec), t.signal);
  assert.deepEqual(made.spec?.hard, hard);
  return t.waitFor(ResourceQuotas, made.metadata, (quota) => {
    const { status } = quota ?? {};
    return isEqual(status?.hard, hard) && Object.keys(hard).every((key) => status?.used?.[key] !== undefined);
  });
}

/** Resolves when exactly these amounts are used, of all that the quota bounds. */
export async function untilUsed(t: ConformanceContext, name: string, used: Amounts): Promise<void> {
  const ref = { namespace: t.namespace, name };
  await t.waitFor(ResourceQuotas, ref, (quota) => isEqual(quota?.status?.used, used));
}

/** The message of the refusal, which must be of a quota. */
export async function overQuota(creating: Promise<unknown>): Promise<string> {
  const err = await creating.then(
    () => assert.fail("The quota did not hold it back"),
    (failure: unknown) => failure,
  );
  assert.ok(err instanceof StatusError, String(err));
  assert.equal(err.code, 403, err.message);
  assert.equal(err.reason, "Forbidden");
  return err.message;
}

function isEqual(a: Amounts | undefined, b: Amounts): boolean {
  const names = Object.keys(b);
  return (
    a !== undefined && Object.keys(a).length === names.length && names.every((name) => a[name] === b[name])
  );
}
