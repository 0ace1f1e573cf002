import assert from "node:assert/strict";
import { test } from "node:test";
import { newNode } from "../testing/objects.ts";
import { missingLabels } from "./node-labels.ts";

const OS = "kubernetes.io/os";
const cases: readonly {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly want: Readonly<Record<string, string>> | undefined;
}[] = [
  { name: "adds the older name", labels: { [OS]: "linux" }, want: { "beta.kubernetes.io/os": "linux" } },
  {
    name: "corrects it",
    labels: { "kubernetes.io/arch": "arm64", "beta.kubernetes.io/arch": "amd64" },
    want: { "beta.kubernetes.io/arch": "arm64" },
  },
  {
    name: "leaves what agrees",
    labels: { [OS]: "linux", "beta.kubernetes.io/os": "linux" },
    want: undefined,
  },
  { name: "leaves an older name alone", labels: { "beta.kubernetes.io/os": "linux" }, want: undefined },
];

for (const { name, labels, want } of cases)
  test(`missingLabels() ${name}`, () =>
    assert.deepEqual(missingLabels(newNode("n", "True", { metadata: { name: "n", labels } })), want));
