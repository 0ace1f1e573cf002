import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, notFound, StatusError } from "#apimachinery";
import { discover, type Discovery } from "./discovery.ts";
import { newRestMapper } from "./rest-mapper.ts";
import type { Request, Transport } from "./transport.ts";

const signal = new AbortController().signal;

const deployments = { resource: "deployments", responseKind: { kind: "Deployment" }, scope: "Namespaced" };
const AGGREGATED: Readonly<Record<string, unknown>> = {
  "/api": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        versions: [
          {
            version: "v1",
            resources: [
              {
                resource: "pods",
                responseKind: { kind: "Pod" },
                scope: "Namespaced",
                singularResource: "pod",
                shortNames: ["po"],
                verbs: ["get"],
                subresources: [{ subresource: "status" }],
              },
              {
                resource: "events",
                responseKind: { kind: "Event" },
                scope: "Namespaced",
                shortNames: ["ev"],
              },
            ],
          },
        ],
      },
    ],
  },
  "/apis": {
    kind: "APIGroupDiscoveryList",
    items: [
      {
        metadata: { name: "apps" },
        versions: [
          { version: "v1", resources: [{ ...deployments, shortNames: ["deploy"] }] },
          { version: "v1beta1", resources: [deployments] },
        ],
      },
      { metadata: { name: "down.example.com" }, versions: [{ version: "v1", freshness: "Stale" }] },
    ],
  },
};

const pods = {
  name: "pods",
  singularName: "pod",
  namespaced: true,
  kind: "Pod",
  verbs: ["get"],
  shortNames: ["po"],
};
const LEGACY: Readonly<Record<string, unknown>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/api/v1": {
    resources: [
      pods,
      { name: "pods/status", namespaced: true, kind: "Pod" },
      { name: "events", namespaced: true, kind: "Event", shortNames: ["ev"] },
    ],
  },
  "/apis": {
    kind: "APIGroupList",
    groups: [
      {
        name: "apps",
        versions: [{ version: "v1beta1" }, { version: "v1" }],
        preferredVersion: { version: "v1" },
      },
      { name: "down.example.com", versions: [{ version: "v1" }], preferredVersion: { version: "v1" } },
    ],
  },
  "/apis/apps/v1": {
    resources: [{ name: "deployments", namespaced: true, kind: "Deployment", shortNames: ["deploy"] }],
  },
  "/apis/apps/v1beta1": { resources: [{ name: "deployments", namespaced: true, kind: "Deployment" }] },
};

function serving(bodies: Readonly<Record<string, unknown>>): Transport & { readonly asked: string[] } {
  const asked: string[] = [];
  const request = async ({ path }: Request) => {
    asked.push(path);
    if (path in bodies) return { status: 200, headers: {}, body: bodies[path] };
    throw path.startsWith("/apis/down")
      ? new StatusError("ServiceUnavailable", "no endpoints")
      : notFound({ group: "", resource: path }, "");
  };
  return { request, asked } as unknown as Transport & { readonly asked: string[] };
}

const summary = ({ groups }: Discovery) =>
  groups.map(({ name, versions }) => [
    name,
    ...versions.map(({ version, kinds }) => `${version}: ${kinds.map(({ kind }) => kind).join(" ")}`),
  ]);

for (const [how, bodies, requests] of [
  ["in two requests from a server that aggregates", AGGREGATED, 2],
  ["version by version from one that does not", LEGACY, 6],
] as const) {
  test(`discover() finds every kind, ${how}`, async () => {
    const transport = serving(bodies);
    const found = await discover(transport, signal);
    assert.deepEqual(summary(found).slice(0, 2), [
      ["", "v1: Pod Event"],
      ["apps", "v1: Deployment", "v1beta1: Deployment"],
    ]);
    assert.deepEqual([...found.failures.keys()], ["down.example.com/v1"]);
    assert.equal(transport.asked.length, requests);
    const pod = found.groups[0]!.versions[0]!.kinds[0]!;
    assert.deepEqual(pod.names, { plural: "pods", singular: "pod", short: ["po"] });
    assert.deepEqual([pod.scope, pod.subresources, pod.verbs], ["Namespaced", ["status"], ["get"]]);
  });
}

for (const [text, want] of [
  ["pods", "v1 Pod"],
  ["po", "v1 Pod"],
  ["Pod", "v1 Pod"],
  ["deploy", "v1 Deployment"],
  ["deployments.apps", "v1 Deployment"],
  ["deployments.v1beta1.apps", "v1beta1 Deployment"],
  ["pods.v1.", "v1 Pod"],
  ["deployments.other", undefined],
  ["nothing", undefined],
] as const) {
  test(`resourceFor() finds ${want ?? "nothing"} for ${text}`, async () => {
    const found = await newRestMapper(serving(AGGREGATED), new FakeClock()).resourceFor(text, signal);
    assert.equal(found === undefined ? undefined : `${found.version} ${found.kind}`, want);
  });
}

test("kindFor() discovers once, and again on a miss, but not all the time", async () => {
  const clock = new FakeClock();
  const transport = serving(AGGREGATED);
  const mapper = newRestMapper(transport, clock);
  const find = (kind: string) => mapper.kindFor({ group: "apps", kind }, signal);
  assert.equal((await find("Deployment"))?.version, "v1");
  assert.equal(await find("Widget"), undefined);
  assert.equal(transport.asked.length, 2);
  clock.advance(1_000);
  assert.equal(await find("Widget"), undefined);
  assert.equal(transport.asked.length, 4);
  assert.deepEqual(
    (await mapper.preferredKinds(signal)).map(({ kind }) => kind),
    ["Pod", "Event", "Deployment"],
  );
});
