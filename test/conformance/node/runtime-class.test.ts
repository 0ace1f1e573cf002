/** RuntimeClasses: objects, pods that ask for one, and what those cost. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { RuntimeClasses } from "#api/node/v1/runtimeclass";
import type { RuntimeClass } from "#api/node/v1/types.gen";
import { isForbidden, isInvalid } from "#apimachinery";
import { checkOperations } from "../api-machinery/api-operations.ts";
import { conformance, newPod, WEB_IMAGE, type ConformanceContext } from "../harness/index.ts";
import { look } from "../storage/volume-pods.ts";

const CLASS = "[sig-node] RuntimeClass should";
/** The one that every containerd has. */
const HANDLER = "runc";

async function createClass(
  t: ConformanceContext,
  rest: Pick<RuntimeClass, "overhead"> = {},
): Promise<string> {
  const name = t.unique;
  const asked: RuntimeClass = {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name },
    handler: HANDLER,
    ...rest,
  };
  await t.client.create(RuntimeClasses, asked, t.signal);
  t.cleanup((undoing) => t.client.delete(RuntimeClasses, { name }, undoing));
  return name;
}

async function checkRejected(t: ConformanceContext, runtimeClassName: string): Promise<void> {
  const pod = newPod(t, "p");
  const asking = { ...pod, spec: { ...pod.spec!, runtimeClassName } };
  await assert.rejects(t.client.create(Pods, asking, t.signal), (err) => {
    assert.ok(isForbidden(err), String(err));
    assert.match(String(err), new RegExp(`RuntimeClass "${runtimeClassName}" not found`));
    return true;
  });
}

conformance(`${CLASS} support RuntimeClasses API operations`, { containers: true }, async (t) => {
  await checkOperations(t, { kind: RuntimeClasses, body: { handler: HANDLER } });
  const name = await createClass(t);
  const patch = { type: "merge", body: { handler: "another" } } as const;
  await assert.rejects(t.client.patch(RuntimeClasses, { name }, patch, t.signal), isInvalid);
});

conformance(
  `${CLASS} reject a Pod requesting a non-existent RuntimeClass [NodeConformance]`,
  { containers: true },
  (t) => checkRejected(t, `${t.unique}-absent`),
);

conformance(
  `${CLASS} reject a Pod requesting a deleted RuntimeClass [NodeConformance]`,
  { containers: true },
  async (t) => {
    const name = await createClass(t);
    const pod = newPod(t, "before");
    await t.client.create(Pods, { ...pod, spec: { ...pod.spec!, runtimeClassName: name } }, t.signal);
    await t.client.delete(RuntimeClasses, { name }, t.signal);
    // Admission learns of it by a watch of its own.
    await t.waitGone(RuntimeClasses, { name });
    await checkRejected(t, name);
  },
);

async function run(t: Parameters<typeof look>[0], runtimeClassName: string): Promise<Pod> {
  const resources = { requests: { cpu: "10m", memory: "16Mi" } };
  await look(t, "p", {
    script: "true",
    container: { image: WEB_IMAGE, resources },
    spec: { runtimeClassName },
  });
  return t.client.get(Pods, { namespace: t.namespace, name: "p" }, t.signal);
}

conformance(
  `${CLASS} schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance]`,
  { containers: true },
  async (t) => {
    const { spec } = await run(t, await createClass(t));
    assert.equal(spec?.overhead, undefined);
    assert.ok(spec?.nodeName);
  },
);

conformance(
  `${CLASS} schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance]`,
  { containers: true },
  async (t) => {
    const podFixed = { cpu: "10m", memory: "1Mi" };
    const { spec } = await run(t, await createClass(t, { overhead: { podFixed } }));
    assert.deepEqual(spec?.overhead, podFixed);
    // The class alone says what it costs.
    const pod = newPod(t, "own");
    const overhead = { cpu: "1m" };
    const asking = { ...pod, spec: { ...pod.spec!, runtimeClassName: t.unique, overhead } };
    await assert.rejects(t.client.create(Pods, asking, t.signal), isForbidden);
  },
);
