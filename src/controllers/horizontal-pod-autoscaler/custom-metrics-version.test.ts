import assert from "node:assert/strict";
import { test } from "node:test";
import { notFound, systemClock } from "#apimachinery";
import type { Client } from "#client";
import { CustomMetricsVersion } from "./custom-metrics-version.ts";

const { signal } = new AbortController();
const GROUP = "custom.metrics.k8s.io";

/** A server that answers with these bodies in turn. */
function serving(...bodies: readonly unknown[]): Client {
  const left = [...bodies];
  const request = async (): Promise<unknown> => {
    const body = left.shift();
    if (body === undefined) throw notFound({ group: "", resource: "apis" }, GROUP);
    return { body };
  };
  return { transport: { request } } as unknown as Client;
}

const version = (name: string): { readonly groupVersion: string } => ({ groupVersion: `${GROUP}/${name}` });

const cases: readonly { readonly name: string; readonly group: unknown; readonly want: string }[] = [
  {
    name: "the preferred one",
    group: { preferredVersion: version("v1beta1"), versions: [version("v1beta2"), version("v1beta1")] },
    want: "v1beta1",
  },
  {
    name: "the first that is known when the preferred one is not",
    group: { preferredVersion: version("v9"), versions: [version("v9"), version("v1beta2")] },
    want: "v1beta2",
  },
];

for (const { name, group, want } of cases) {
  test(`CustomMetricsVersion asks for ${name}, and remembers it`, async () => {
    const known = new CustomMetricsVersion(serving(group), systemClock);
    assert.equal(await known.get(signal), `${GROUP}/${want}`);
    assert.equal(await known.get(signal), `${GROUP}/${want}`);
  });
}

test("CustomMetricsVersion says that none is registered, or known", async () => {
  const none = new CustomMetricsVersion(serving(), systemClock);
  await assert.rejects(none.get(signal), /no custom metrics API \(custom\.metrics\.k8s\.io\) registered/);
  const unknown = new CustomMetricsVersion(serving({ versions: [version("v9")] }), systemClock);
  await assert.rejects(unknown.get(signal), /no known available metric versions found/);
});
