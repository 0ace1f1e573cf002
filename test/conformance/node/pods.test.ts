/** Pods on a node: from creation to their end, where they are, and which services they are told of. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Service } from "#api/core/v1/types.gen";
import { conformance } from "../harness/index.ts";
import { createPod, idle, sh, statusOf, untilEnded, untilReady } from "./running-pods.ts";

const containers = { containers: true } as const;

conformance("[sig-node] Pods should be submitted and removed [NodeConformance]", containers, async (t) => {
  const { client, signal, namespace } = t;
  const labelSelector = "time=now";
  const listed = await client.list(Pods, { namespace, labelSelector }, signal);
  assert.deepEqual(listed.items, []);
  const watch = t.watch(Pods, {
    namespace,
    labelSelector,
    resourceVersion: listed.metadata.resourceVersion!,
  });
  // It takes its time to end, and leaves a mark by which its end is known.
  const container = sh("main", "trap 'sleep 0.5; exit 7' TERM; while :; do sleep 3600 & wait $!; done");
  const labels = { time: "now" };
  const spec = { terminationGracePeriodSeconds: 30, containers: [container] };
  const made = await createPod(t, "p", spec, { labels });
  assert.equal((await watch.next()).type, "ADDED");
  const { items } = await client.list(Pods, { namespace, labelSelector }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.uid),
    [made.metadata.uid],
  );
  await untilReady(t, "p");
  await client.delete(Pods, made.metadata, signal);
  const ending = await watch.until(
    "it has to end",
    ({ object }) => object.metadata.deletionTimestamp !== undefined,
  );
  assert.equal(ending.object.metadata.deletionGracePeriodSeconds, 30);
  const gone = await watch.until("its end", ({ type }) => type === "DELETED");
  assert.ok(gone.type === "DELETED");
  assert.equal(
    statusOf(gone.object, "main").state?.terminated?.exitCode,
    7,
    "the node has seen its end first",
  );
  assert.deepEqual((await client.list(Pods, { namespace, labelSelector }, signal)).items, []);
});

conformance("[sig-node] Pods should get a host IP [NodeConformance]", containers, async (t) => {
  await createPod(t, "p", { containers: [idle("main")] });
  const { spec, status } = await untilReady(t, "p");
  const node = await t.client.get(Nodes, { name: spec!.nodeName! }, t.signal);
  const addresses = (node.status?.addresses ?? []).flatMap(({ type, address }) =>
    type === "InternalIP" ? [address] : [],
  );
  assert.equal(status?.hostIP, addresses[0]);
  assert.deepEqual(
    status?.hostIPs?.map(({ ip }) => ip),
    addresses,
  );
});

conformance(
  "[sig-node] Pods should contain environment variables for services [NodeConformance]",
  containers,
  async (t) => {
    const { client, signal, namespace } = t;
    const service = (name: string, spec: Service["spec"], where = namespace): Promise<Service> => {
      const metadata = { name, namespace: where };
      return client.create(Services, { apiVersion: "v1", kind: "Service", metadata, spec: spec! }, signal);
    };
    const ports = [
      { name: "http", port: 8765, targetPort: 80 },
      { name: "dns", port: 53, protocol: "UDP" },
    ];
    const { spec } = await service("my-fancy-svc", { ports });
    await service("headless", { ports, clusterIP: "None" });
    await service("elsewhere", { ports }, await t.newNamespace());
    const ip = spec?.clusterIP ?? "";
    const once = { restartPolicy: "Never", containers: [{ ...sh("main", ""), command: ["env"] }] };
    await createPod(t, "p", once);
    await untilEnded(t, "p", "Succeeded");
    const lines = (await t.kubectl("logs", "p")).split("\n");
    const ours = lines.filter((line) => /MY_FANCY_SVC|HEADLESS|ELSEWHERE/.test(line));
    assert.deepEqual(ours.toSorted(), [
      `MY_FANCY_SVC_PORT=tcp://${ip}:8765`,
      `MY_FANCY_SVC_PORT_53_UDP=udp://${ip}:53`,
      `MY_FANCY_SVC_PORT_53_UDP_ADDR=${ip}`,
      "MY_FANCY_SVC_PORT_53_UDP_PORT=53",
      "MY_FANCY_SVC_PORT_53_UDP_PROTO=udp",
      `MY_FANCY_SVC_PORT_8765_TCP=tcp://${ip}:8765`,
      `MY_FANCY_SVC_PORT_8765_TCP_ADDR=${ip}`,
      "MY_FANCY_SVC_PORT_8765_TCP_PORT=8765",
      "MY_FANCY_SVC_PORT_8765_TCP_PROTO=tcp",
      `MY_FANCY_SVC_SERVICE_HOST=${ip}`,
      "MY_FANCY_SVC_SERVICE_PORT=8765",
      "MY_FANCY_SVC_SERVICE_PORT_DNS=53",
      "MY_FANCY_SVC_SERVICE_PORT_HTTP=8765",
    ]);
    assert.ok(lines.some((line) => line.startsWith("KUBERNETES_SERVICE_HOST=")));
    await createPod(t, "unlinked", { ...once, enableServiceLinks: false });
    await untilEnded(t, "unlinked", "Succeeded");
    const unlinked = await t.kubectl("logs", "unlinked");
    assert.doesNotMatch(unlinked, /MY_FANCY_SVC/);
    assert.match(unlinked, /^KUBERNETES_SERVICE_HOST=/m);
  },
);
