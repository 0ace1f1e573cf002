/** kubectl and ReplicationControllers: create, scale, expose, stop. */
import assert from "node:assert/strict";
import { Endpoints } from "#api/core/v1/endpoints";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import { Services } from "#api/core/v1/service";
import { conformance, newReplicationController, type ConformanceContext } from "../harness/index.ts";

const NAME = "update-demo-nautilus";
const RUNNING_IMAGES =
  '{range .items[*]}{.status.phase}={.spec.containers[0].image} {.status.containerStatuses[0].state.running.startedAt}{"\\n"}{end}';

async function create(t: ConformanceContext, name: string, replicas: number): Promise<void> {
  const input = JSON.stringify(newReplicationController(t, name, replicas));
  const { code, stdout, stderr } = await t.tryKubectl(["create", "-f", "-"], { input });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `replicationcontroller/${name} created\n`);
}

/** As kubectl shows them; each of them runs the right image. */
async function expectPods(t: ConformanceContext, name: string, replicas: number): Promise<void> {
  await t.untilList(`${replicas} running pods`, Pods, (all) => {
    const ours = all.filter(({ metadata }) => metadata.labels?.["app"] === name);
    return ours.length === replicas && ours.every(({ status }) => status?.phase === "Running");
  });
  const lines = await t.kubectl("get", "pods", "-l", `app=${name}`, "-o", `jsonpath=${RUNNING_IMAGES}`);
  const shown = lines.trim().split("\n");
  assert.equal(shown.length, replicas, lines);
  for (const line of shown) assert.match(line, /^Running=registry\.example\.com\/main:1 \d{4}-/);
}

conformance(
  "[sig-cli] Kubectl client Update Demo should create and stop a replication controller",
  async (t) => {
    await create(t, NAME, 2);
    await expectPods(t, NAME, 2);
    const said = await t.kubectl("delete", "rc", NAME, "--grace-period=0", "--force");
    assert.match(said, new RegExp(`replicationcontroller "${NAME}" force deleted`));
    await t.waitGone(ReplicationControllers, { namespace: t.namespace, name: NAME });
    await t.untilList("no pod is left", Pods, (all) => all.length === 0);
    assert.equal(await t.kubectl("get", "rc,pods", "-o", "name"), "");
  },
);

conformance("[sig-cli] Kubectl client Update Demo should scale a replication controller", async (t) => {
  await create(t, NAME, 2);
  await expectPods(t, NAME, 2);
  for (const replicas of [1, 3]) {
    assert.equal(
      await t.kubectl("scale", "rc", NAME, `--replicas=${replicas}`, "--timeout=1m"),
      `replicationcontroller/${NAME} scaled\n`,
    );
    await expectPods(t, NAME, replicas);
  }
  const stale = await t.tryKubectl(["scale", "rc", NAME, "--current-replicas=7", "--replicas=1"]);
  assert.equal(stale.code, 1);
  assert.match(stale.stderr, /Expected replicas to be 7, was 3/);
});

conformance("[sig-cli] Kubectl client Kubectl expose should create services for rc", async (t) => {
  await create(t, "agnhost-primary", 2);
  await expectPods(t, "agnhost-primary", 2);
  const expectService = async (name: string, port: number): Promise<void> => {
    const ref = { namespace: t.namespace, name };
    const service = await t.client.get(Services, ref, t.signal);
    assert.deepEqual(service.spec?.selector, { app: "agnhost-primary" });
    assert.deepEqual(
      service.spec.ports?.map((one) => [one.port, one.targetPort]),
      [[port, 6379]],
    );
    const { items } = await t.client.list(Pods, { namespace: t.namespace }, t.signal);
    const addresses = items.map(({ status }) => status?.podIP ?? "").toSorted();
    await t.waitFor(Endpoints, ref, (now) => {
      const found = (now?.subsets ?? []).flatMap(({ addresses: ready, ports }) =>
        (ports ?? []).flatMap((one) => (ready ?? []).map(({ ip }) => (one.port === 6379 ? ip : ""))),
      );
      return found.toSorted().join() === addresses.join();
    });
  };
  await t.kubectl("expose", "rc", "agnhost-primary", "--name=rm2", "--port=1234", "--target-port=6379");
  await expectService("rm2", 1234);
  await t.kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379");
  await expectService("rm3", 2345);
});
