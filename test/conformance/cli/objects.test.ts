/** kubectl's commands on single objects: run, label, patch, replace, describe, diff, dry runs. */
import assert from "node:assert/strict";
import { Deployments } from "#api/apps/v1/deployment";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { Pod } from "#api/core/v1/types.gen";
import {
  conformance,
  newDeployment,
  newPod,
  newReplicationController,
  type ConformanceContext,
} from "../harness/index.ts";

const IMAGE = "registry.example.com/web:1";
const OTHER_IMAGE = "registry.example.com/web:2";

function imagesOf({ spec }: Pod): readonly (string | undefined)[] {
  return spec!.containers.map(({ image }) => image);
}

async function isRunning(t: ConformanceContext, name: string): Promise<Pod> {
  const pod = await t.waitFor(
    Pods,
    { namespace: t.namespace, name },
    (now) => now?.status?.phase === "Running",
  );
  return pod;
}

/** With kubectl, of `replicas` pods that run. */
async function createController(
  t: ConformanceContext,
  name: string,
  replicas: number,
): Promise<readonly Pod[]> {
  const input = JSON.stringify(newReplicationController(t, name, replicas));
  const { code, stderr } = await t.tryKubectl(["create", "-f", "-"], { input });
  assert.equal(code, 0, stderr);
  return t.untilList("all pods run", Pods, (all) => {
    const running = all.filter(({ status }) => status?.phase === "Running");
    return running.length === replicas && running;
  });
}

conformance(
  "[sig-cli] Kubectl client Kubectl run pod should create a pod from an image when restart is Never",
  async (t) => {
    const said = await t.kubectl("run", "web", "--restart=Never", `--image=${IMAGE}`);
    assert.equal(said, "pod/web created\n");
    const pod = await t.client.get(Pods, { namespace: t.namespace, name: "web" }, t.signal);
    assert.equal(pod.spec?.restartPolicy, "Never");
    assert.deepEqual(imagesOf(pod), [IMAGE]);
    assert.equal(pod.metadata.labels?.["run"], "web");
  },
);

conformance(
  "[sig-cli] Kubectl client Kubectl replace should update a single-container pod's image",
  async (t) => {
    const ref = { namespace: t.namespace, name: "web" };
    await t.kubectl("run", "web", `--image=${IMAGE}`);
    await isRunning(t, "web");
    const exported = await t.kubectl("get", "pod", "web", "-o", "json");
    assert.ok(exported.includes(IMAGE));
    const replaced = await t.tryKubectl(["replace", "-f", "-"], {
      input: exported.replaceAll(IMAGE, OTHER_IMAGE),
    });
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.equal(replaced.stdout, "pod/web replaced\n");
    assert.deepEqual(imagesOf(await t.client.get(Pods, ref, t.signal)), [OTHER_IMAGE]);
    // an answer that was read before somebody else wrote may not overwrite it
    const late = await t.tryKubectl(["replace", "-f", "-"], { input: exported });
    assert.equal(late.code, 1);
    assert.match(
      late.stderr,
      /the object has been modified; please apply your changes to the latest version/,
    );
  },
);

conformance("[sig-cli] Kubectl client Kubectl label should update the label on a resource", async (t) => {
  await t.client.create(Pods, newPod(t, "pause"), t.signal);
  assert.equal(
    await t.kubectl("label", "pods", "pause", "testing-label=testing-label-value"),
    "pod/pause labeled\n",
  );
  assert.match(
    await t.kubectl("get", "pod", "pause", "-L", "testing-label"),
    /TESTING-LABEL\n.*testing-label-value/,
  );
  assert.equal(
    await t.kubectl("get", "pods", "-l", "testing-label=testing-label-value", "-o", "name"),
    "pod/pause\n",
  );
  const again = await t.tryKubectl(["label", "pods", "pause", "testing-label=other"]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /--overwrite is false/);
  assert.equal(await t.kubectl("label", "pods", "pause", "testing-label-"), "pod/pause unlabeled\n");
  assert.doesNotMatch(await t.kubectl("get", "pod", "pause", "-L", "testing-label"), /testing-label-value/);
});

conformance("[sig-cli] Kubectl client Kubectl patch should add annotations for pods in rc", async (t) => {
  const pods = await createController(t, "agnhost-primary", 2);
  for (const { metadata } of pods)
    assert.equal(
      await t.kubectl("patch", "pod", metadata.name, "-p", '{"metadata":{"annotations":{"x":"y"}}}'),
      `pod/${metadata.name} patched\n`,
    );
  const after = await t.client.list(
    Pods,
    { namespace: t.namespace, labelSelector: "app=agnhost-primary" },
    t.signal,
  );
  assert.deepEqual(
    after.items.map(({ metadata }) => metadata.annotations?.["x"]),
    ["y", "y"],
  );
});

conformance(
  "[sig-cli] Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods",
  async (t) => {
    const ref = { namespace: t.namespace, name: "web" };
    await t.kubectl("run", "web", `--image=${IMAGE}`, "--labels=run=web");
    const before = await isRunning(t, "web");
    const patch = JSON.stringify({ spec: { containers: [{ name: "web", image: OTHER_IMAGE }] } });
    const shown = await t.kubectl("patch", "pod", "web", "-p", patch, "--dry-run=server", "-o", "json");
    assert.deepEqual(imagesOf(JSON.parse(shown) as Pod), [OTHER_IMAGE]);
    const after = await t.client.get(Pods, ref, t.signal);
    assert.deepEqual(imagesOf(after), [IMAGE]);
    assert.equal(after.metadata.uid, before.metadata.uid);
    // what the real write would refuse, the dry run refuses
    const forbidden = await t.tryKubectl([
      "patch",
      "pod",
      "web",
      "-p",
      '{"spec":{"nodeName":"x"}}',
      "--dry-run=server",
    ]);
    assert.equal(forbidden.code, 1);
    assert.match(forbidden.stderr, /pod updates may not change fields other than/);
  },
);

conformance(
  "[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments",
  async (t) => {
    const deployment = newDeployment(t, "web", 1);
    const applied = await t.tryKubectl(["apply", "-f", "-"], { input: JSON.stringify(deployment) });
    assert.equal(applied.code, 0, applied.stderr);
    const template = deployment.spec!.template;
    const containers = template.spec!.containers.map((container) => ({ ...container, image: OTHER_IMAGE }));
    const changed = {
      ...deployment,
      spec: { ...deployment.spec, template: { ...template, spec: { containers } } },
    };
    const diff = await t.tryKubectl(["diff", "-f", "-"], { input: JSON.stringify(changed) });
    assert.equal(diff.code, 1, diff.stderr);
    assert.match(diff.stdout, /^-\s+(- )?image: registry\.example\.com\/main:1$/m);
    assert.match(diff.stdout, /^\+\s+(- )?image: registry\.example\.com\/web:2$/m);
    const same = await t.tryKubectl(["diff", "-f", "-"], { input: JSON.stringify(deployment) });
    assert.equal(same.code, 0, same.stdout);
    const stored = await t.client.get(Deployments, deployment.metadata, t.signal);
    assert.equal(stored.spec?.template?.spec?.containers[0]?.image, "registry.example.com/main:1");
  },
);

conformance(
  "[sig-cli] Kubectl client Kubectl describe should check if kubectl describe prints relevant information for rc and pods",
  async (t) => {
    const [pod] = await createController(t, "agnhost-primary", 1);
    const { name } = pod!.metadata;
    await t.waitFor(
      ReplicationControllers,
      { namespace: t.namespace, name: "agnhost-primary" },
      (now) => now?.status?.readyReplicas === 1,
    );
    await t.kubectl("expose", "rc", "agnhost-primary", "--port=6379", "--target-port=6379");
    const expectLines = async (what: readonly string[], lines: readonly RegExp[]): Promise<void> => {
      const text = await t.kubectl("describe", ...what);
      for (const line of lines) assert.match(text, line, what.join(" "));
    };
    await expectLines(
      ["pod", name],
      [
        new RegExp(`^Name: +${name}$`, "m"),
        new RegExp(`^Namespace: +${t.namespace}$`, "m"),
        /^Node: +node-\d\/\d+\.\d+\.\d+\.\d+$/m,
        /^Labels: +app=agnhost-primary$/m,
        /^Status: +Running$/m,
        /^IP: +\d+\.\d+\.\d+\.\d+$/m,
        /^Controlled By: +ReplicationController\/agnhost-primary$/m,
        /^ +Image: +registry\.example\.com\/main:1$/m,
        /^ +State: +Running$/m,
        /^QoS Class: +BestEffort$/m,
      ],
    );
    await expectLines(
      ["rc", "agnhost-primary"],
      [
        /^Name: +agnhost-primary$/m,
        /^Selector: +app=agnhost-primary$/m,
        /^Replicas: +1 current \/ 1 desired$/m,
        /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
        new RegExp(`SuccessfulCreate .*Created pod: ${name}`),
      ],
    );
    await expectLines(
      ["service", "agnhost-primary"],
      [
        /^Selector: +app=agnhost-primary$/m,
        /^Type: +ClusterIP$/m,
        /^Port: +<unset> +6379\/TCP$/m,
        /^Endpoints: +\d+\.\d+\.\d+\.\d+:6379$/m,
      ],
    );
    await expectLines(
      ["node", pod!.spec!.nodeName!],
      [/^Name: +node-\d$/m, /^ +Ready +True/m, /^Non-terminated Pods:/m],
    );
    await expectLines(
      ["namespace", t.namespace],
      [new RegExp(`^Name: +${t.namespace}$`, "m"), /^Status: +Active$/m],
    );
  },
);
