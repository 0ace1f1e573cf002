import assert from "node:assert/strict";
import { test } from "node:test";
import { conflict, FakeClock, type Kind, type KubeObject } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { quotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import type { Attributes } from "../plugin.ts";
import { QuotaLedger, type QuotaAccess } from "./quota-ledger.ts";

const kind = ConfigMaps as unknown as Kind;
const evaluator = quotaEvaluator(kind);

/** A store of one quota whose cache never catches up. */
class Quotas implements QuotaAccess {
  readonly cached: ResourceQuota;
  stored: ResourceQuota;
  writes = 0;
  /** Somebody else writes before each of the next so many writes. */
  interruptions = 0;

  constructor(hard: string, usedNow: string) {
    this.stored = this.cached = quota(hard, usedNow, 1);
  }

  list(): readonly ResourceQuota[] {
    return [this.cached];
  }

  async getLive(): Promise<ResourceQuota> {
    return this.stored;
  }

  async updateStatus(written: ResourceQuota): Promise<ResourceQuota> {
    const version = Number(this.stored.metadata.resourceVersion);
    if (this.interruptions-- > 0) {
      this.stored = quota(
        this.stored.status!.hard!["count/configmaps"]!,
        String(Number(used(this.stored)) + 1),
        version + 1,
      );
    }
    if (written.metadata.resourceVersion !== this.stored.metadata.resourceVersion) {
      throw conflict({ group: "", resource: "resourcequotas" }, "q", "changed");
    }
    this.writes++;
    this.stored = quota(written.status!.hard!["count/configmaps"]!, used(written), version + 1);
    return this.stored;
  }
}

function quota(hard: string, usedNow: string, version: number): ResourceQuota {
  const name = "count/configmaps";
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace: "n", uid: "u", resourceVersion: String(version) },
    spec: { hard: { [name]: hard } },
    status: { hard: { [name]: hard }, used: { [name]: usedNow } },
  };
}

function used({ status }: ResourceQuota): string {
  return status!.used!["count/configmaps"]!;
}

function create(name: string): Attributes {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name } } as KubeObject;
  return {
    operation: "CREATE",
    kind,
    requestKind: kind,
    resource: "core/configmaps",
    subresource: "",
    namespace: "n",
    name,
    object,
    user: { name: "u", groups: [] },
    dryRun: false,
    signal: new AbortController().signal,
    warn: () => {},
    addAuditAnnotation: () => {},
  };
}

async function outcomes(ledger: QuotaLedger, count: number): Promise<number> {
  const asked = Array.from({ length: count }, (_, i) => ledger.evaluate(create(`c${i}`), evaluator)!);
  return (await Promise.allSettled(asked)).filter(({ status }) => status === "fulfilled").length;
}

test("QuotaLedger counts a burst with few writes, and never too much", async () => {
  const quotas = new Quotas("10", "2");
  const ledger = new QuotaLedger(quotas, new FakeClock(0));
  assert.equal(await outcomes(ledger, 50), 8);
  assert.equal(used(quotas.stored), "10");
  assert.ok(quotas.writes <= 2, `${quotas.writes} writes`);
});

test("QuotaLedger knows its own writes before any cache does", async () => {
  const quotas = new Quotas("3", "0");
  const ledger = new QuotaLedger(quotas, new FakeClock(0));
  for (let i = 0; i < 3; i++) await ledger.evaluate(create(`c${i}`), evaluator);
  await assert.rejects(ledger.evaluate(create("c3"), evaluator)!, /exceeded quota: q/);
});

test("QuotaLedger decides again when somebody else wrote the quota, a few times", async () => {
  const quotas = new Quotas("5", "0");
  quotas.interruptions = 2;
  const ledger = new QuotaLedger(quotas, new FakeClock(0));
  assert.equal(await outcomes(ledger, 5), 3);
  assert.equal(used(quotas.stored), "5");
  const busy = new Quotas("1000", "0");
  busy.interruptions = 100;
  const late = new QuotaLedger(busy, new FakeClock(0)).evaluate(create("late"), evaluator);
  await assert.rejects(late!, { reason: "Conflict" });
});
