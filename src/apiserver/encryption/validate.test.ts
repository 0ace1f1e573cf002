import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#apimachinery";
import { TransformationMetrics } from "./metrics.ts";
import { resourceTransformers } from "./resource-transformers.ts";
import type { EncryptionConfiguration, ProviderConfiguration } from "./types.ts";
import { validateEncryptionConfiguration } from "./validate.ts";

const key = { name: "k", secret: Buffer.alloc(32).toString("base64") };
const gcm: ProviderConfiguration = { aesgcm: { keys: [key] } };

function causes(
  resources: readonly string[],
  ...providers: readonly ProviderConfiguration[]
): readonly string[] {
  const found = validateEncryptionConfiguration({ resources: [{ resources, providers }] }, false);
  return found.map(({ field, message }) => `${field}: ${message}`);
}

const cases: readonly {
  readonly name: string;
  readonly resources?: readonly string[];
  readonly provider?: ProviderConfiguration;
  readonly want: readonly RegExp[];
}[] = [
  { name: "takes a good one", want: [] },
  { name: "takes wildcards", resources: ["*.apps", "*."], want: [] },
  {
    name: "wants resources",
    resources: [],
    want: [/^resources\[0\].resources: .*at least one resources\[0\].resources is required/],
  },
  { name: "refuses capital letters", resources: ["Secrets"], want: [/should not contain capital letters/] },
  {
    name: "refuses a bare star",
    resources: ["*"],
    want: [/use '\*\.' to encrypt all the resources from core/],
  },
  { name: "refuses events.k8s.io", resources: ["events.events.k8s.io"], want: [/Use 'events' instead/] },
  { name: "refuses extensions", resources: ["x.extensions"], want: [/'extensions' group has been removed/] },
  {
    name: "refuses one resource of all groups",
    resources: ["secrets.*"],
    want: [/same resource across groups/],
  },
  { name: "refuses what is no API", resources: ["apiserveripinfo"], want: [/do not have REST API/] },
  {
    name: "refuses repeats",
    resources: ["secrets", "secrets"],
    want: [/cannot be specified multiple times/],
  },
  { name: "refuses overlaps", resources: ["secrets", "*."], want: [/using overlapping resources/] },
  { name: "wants a provider", provider: {}, want: [/does not contain any of the expected providers/] },
  { name: "wants one provider each", provider: { ...gcm, identity: {} }, want: [/more than one provider/] },
  { name: "wants keys", provider: { aescbc: {} }, want: [/aescbc.keys: .*at least one keys is required/] },
  {
    name: "wants names and secrets",
    provider: { aesgcm: { keys: [{}] } },
    want: [/name is a mandatory field for a key/, /secret is a mandatory field for a key/],
  },
  {
    name: "shows no secret",
    provider: { aesgcm: { keys: [{ name: "k", secret: "c2hvcnQ=" }] } },
    want: [/"?REDACTED"?: secret is not of the expected length, got 5, expected one of \[16 24 32\]/],
  },
  {
    name: "wants base64",
    provider: { secretbox: { keys: [{ name: "k", secret: "!" }] } },
    want: [/secrets must be base64 encoded/],
  },
  {
    name: "wants sockets of KMS providers",
    provider: { kms: { apiVersion: "v2", name: "a:b", endpoint: "http://x" } },
    want: [/must not contain ':'/, /unsupported scheme "http" for KMS provider, only unix is supported/],
  },
];

for (const { name, resources = ["secrets"], provider = gcm, want } of cases) {
  test(`validateEncryptionConfiguration() ${name}`, () => {
    const got = causes(resources, provider);
    assert.equal(got.length, want.length, got.join("\n"));
    for (const [i, pattern] of want.entries()) assert.match(got[i]!, pattern);
  });
}

const metrics = new TransformationMetrics(systemClock, "");
const transformers = (config: EncryptionConfiguration) => resourceTransformers(config, metrics);

test("resourceTransformers() prefers a resource's own rule to its group's, and that to the one for all", () => {
  const identity: ProviderConfiguration = { identity: {} };
  const find = transformers({
    resources: [
      { resources: ["configmaps"], providers: [identity] },
      { resources: ["*.apps"], providers: [gcm] },
      { resources: ["*."], providers: [gcm] },
    ],
  });
  const isEncrypted = (group: string, resource: string): boolean =>
    find(group, resource)?.toStorage(Buffer.from("{}"), "/k").toString().startsWith("k8s:enc:aesgcm:v1:k:") ??
    false;
  assert.deepEqual(
    [isEncrypted("", "configmaps"), isEncrypted("", "secrets"), isEncrypted("apps", "deployments")],
    [false, true, true],
  );
  assert.equal(find("batch", "jobs"), undefined);
});

const rules = (...names: readonly string[]): EncryptionConfiguration => ({
  resources: names.map((name) => ({ resources: [name], providers: [gcm] })),
});

test("resourceTransformers() refuses rules that never count, and providers that it does not have", () => {
  assert.throws(
    () => transformers(rules("*.", "secrets")),
    /resource "secrets" is masked by earlier rule "\*\."/,
  );
  assert.throws(
    () => transformers(rules("*.*", "x.apps")),
    /resource "x.apps" is masked by earlier rule "\*\.\*"/,
  );
  const secretbox = { resources: [{ resources: ["secrets"], providers: [{ secretbox: { keys: [key] } }] }] };
  assert.throws(() => transformers(secretbox), /secretbox provider is not supported/);
});
