import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, formatTime, type Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { representationOf } from "./representation.ts";
import type { ApiRequest } from "./request.ts";

interface Table {
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

test("representationOf() shows ages in a watch as they are when an event is told", () => {
  const clock = new FakeClock();
  const creationTimestamp = formatTime(clock.now());
  const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a", creationTimestamp } };
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const request = { headers: { accept }, query: new URLSearchParams() } as unknown as ApiRequest;
  const { transform } = representationOf(request, {
    kind: ConfigMaps as unknown as Kind,
    convert: undefined,
    clock,
    verb: "watch",
  });
  const ageOf = (): unknown => (transform!(object) as Table).rows[0]?.cells.at(-1);
  assert.equal(ageOf(), "0s");
  clock.advance(90_000);
  assert.equal(ageOf(), "90s");
});
