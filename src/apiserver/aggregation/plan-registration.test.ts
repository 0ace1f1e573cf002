import assert from "node:assert/strict";
import { test } from "node:test";
import { scheme } from "#api";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { planRegistration, wantedApiServices } from "./plan-registration.ts";

const LABEL = "kube-aggregator.kubernetes.io/automanaged";
const wanted = wantedApiServices(scheme);

function named(name: string): APIService {
  return wanted.find(({ metadata }) => metadata.name === name)!;
}

function names(list: readonly APIService[]): readonly string[] {
  return list.map(({ metadata }) => metadata.name);
}

test("wantedApiServices are those of the built-in group-versions, but for their own", () => {
  const wantedNames = names(wanted);
  for (const name of ["v1.", "v1.apps", "v2.autoscaling", "v1.rbac.authorization.k8s.io"]) {
    assert.ok(wantedNames.includes(name), name);
  }
  assert.ok(!wantedNames.some((name) => name.includes("apiregistration")));
  assert.deepEqual(named("v2.autoscaling"), {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v2.autoscaling", labels: { [LABEL]: "onstart" } },
    spec: { group: "autoscaling", version: "v2", groupPriorityMinimum: 17_500, versionPriority: 30 },
  });
});

test("planRegistration follows upstream's table", () => {
  const apps = named("v1.apps");
  const changed = { ...apps, spec: { ...apps.spec!, versionPriority: 99 } };
  const own = { ...changed, metadata: { name: "v1.apps" } };
  const crd: APIService = {
    ...apps,
    metadata: { name: "v1.example.com", labels: { [LABEL]: "true" } },
    spec: { group: "example.com", version: "v1", groupPriorityMinimum: 1000, versionPriority: 100 },
  };
  const elsewhere = { ...crd, metadata: { name: "v1.example.com" } };
  const gone: APIService = { ...apps, metadata: { name: "v1beta1.old", labels: { [LABEL]: "onstart" } } };
  const table: readonly (readonly [
    wanted: readonly APIService[],
    stored: readonly APIService[],
    isStart: boolean,
    plan: readonly [create: readonly string[], update: readonly string[], remove: readonly string[]],
  ])[] = [
    [[apps], [], true, [["v1.apps"], [], []]],
    [[apps], [], false, [[], [], []]],
    [[apps], [apps], true, [[], [], []]],
    [[apps], [changed], true, [[], ["v1.apps"], []]],
    [[apps], [changed], false, [[], [], []]],
    [[apps], [own], true, [[], [], []]],
    [[], [gone], true, [[], [], ["v1beta1.old"]]],
    [[], [gone], false, [[], [], []]],
    [[crd], [], false, [["v1.example.com"], [], []]],
    [[], [crd], false, [[], [], ["v1.example.com"]]],
    [[], [elsewhere], true, [[], [], []]],
    [[crd], [{ ...crd, spec: { ...crd.spec!, versionPriority: 1 } }], false, [[], ["v1.example.com"], []]],
  ];
  for (const [want, stored, isStart, expected] of table) {
    const { create, update, remove } = planRegistration(want, stored, isStart);
    assert.deepEqual([names(create), names(update), remove], expected);
  }
});
