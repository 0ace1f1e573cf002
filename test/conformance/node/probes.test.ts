/** Liveness probes of four kinds: who answers is left alone, who does not is restarted. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Pod, Probe } from "#api/core/v1/types.gen";
import { conformance, WEB_IMAGE } from "../harness/index.ts";
import {
  checkNeverRestarted,
  GRPC_PORT,
  grpcServer,
  PATIENT,
  probedSpec,
  STRICT,
  untilKilled,
  type Probed,
} from "./probed-pods.ts";
import { createPod, idle, inside, sh, statusOf, untilReady } from "./running-pods.ts";

const PROBING = "[sig-node] Probing container";
const containers = { containers: true } as const;

const EXEC: Probe = {
  exec: { command: ["sh", "-c", "cat /tmp/health && echo look >>/looks/log"] },
  ...STRICT,
};
const HTTP: Probe = { httpGet: { path: "/healthz", port: 80 }, ...STRICT };
const TCP: Probe = { tcpSocket: { port: 8080 }, ...STRICT };
const GRPC: Probe = { grpc: { port: GRPC_PORT, service: "liveness" }, ...STRICT };

/** By what stands in the official names. */
const PROBED: Readonly<Record<string, Probed>> = {
  'a exec "cat /tmp/health"': {
    main: sh("main", "touch /tmp/health; trap 'exit 0' TERM; sleep 3600 & wait", {
      livenessProbe: EXEC,
      startupProbe: { exec: { command: ["cat", "/tmp/health"] }, ...PATIENT },
    }),
  },
  "a /healthz http": {
    main: sh("main", "echo ok >/www/healthz; exec serve 2>>/looks/log", {
      livenessProbe: HTTP,
      startupProbe: { tcpSocket: { port: 80 }, ...PATIENT },
    }),
    count: "grep -c url:/healthz /looks/log",
  },
  "a tcp:8080": {
    main: {
      name: "main",
      image: WEB_IMAGE,
      command: ["sh", "-c", "exec httpd -f -vvv -p 8080 -h /www 2>>/looks/log"],
      livenessProbe: TCP,
      startupProbe: { httpGet: { path: "/cgi-bin/index.cgi", port: 8080 }, ...PATIENT },
    },
    count: "grep -c connected /looks/log",
  },
  "a GRPC": grpcServer(GRPC),
};

for (const [kind, probed] of Object.entries(PROBED))
  conformance(
    `${PROBING} should *not* be restarted with ${kind} liveness probe [NodeConformance]`,
    containers,
    async (t) => {
      await createPod(t, "p", probedSpec(probed));
      checkNeverRestarted(await untilReady(t, "p"));
    },
  );

/** What makes it fail, and what the event says then. */
const FAILURES: readonly (readonly [kind: string, breaking: string, message: RegExp])[] = [
  [
    'a exec "cat /tmp/health"',
    "rm /tmp/health",
    /^Liveness probe failed: cat: can't open '\/tmp\/health': No such file or directory/m,
  ],
  ["a /healthz http", "rm /www/healthz", /^Liveness probe failed: HTTP probe failed with statuscode: 404$/m],
  [
    "a GRPC",
    "rm /tmp/serving",
    /^Liveness probe failed: service unhealthy \(responded with "NOT_SERVING"\)$/m,
  ],
];

for (const [kind, breaking, message] of FAILURES)
  conformance(
    `${PROBING} should be restarted with ${kind} liveness probe [NodeConformance]`,
    containers,
    async (t) => {
      const made = await createPod(t, "p", probedSpec(PROBED[kind]!));
      checkNeverRestarted(await untilReady(t, "p"));
      await inside(t, "p", "main", breaking);
      const pod = await t.waitFor(
        Pods,
        made.metadata,
        (now) => (now?.status?.containerStatuses?.find(({ name }) => name === "main")?.restartCount ?? 0) > 0,
      );
      assert.match(await untilKilled(t, "liveness"), message);
      const { restartCount, lastState } = statusOf(pod, "main");
      assert.equal(restartCount, 1);
      assert.ok(lastState?.terminated !== undefined);
      assert.equal(statusOf(pod, "witness").restartCount, 0, "nobody else is");
    },
  );

conformance(
  `${PROBING} should have monotonically increasing restart count [NodeConformance]`,
  containers,
  async (t) => {
    // It is well for a moment, each time: restarts come 0, 10 and 20 seconds after its ends.
    const script = "trap 'exit 0' TERM; touch /tmp/health; sleep 1; rm /tmp/health; sleep 3600 & wait";
    const livenessProbe = { exec: { command: ["cat", "/tmp/health"] }, initialDelaySeconds: 1, ...STRICT };
    const made = await createPod(t, "p", { containers: [sh("main", script, { livenessProbe })] });
    const watch = t.watch(Pods, {
      namespace: t.namespace,
      resourceVersion: made.metadata.resourceVersion!,
    });
    await t.waitFor(Pods, made.metadata, (now) => now?.status?.containerStatuses?.[0]?.restartCount === 3);
    await watch.until("the third restart", (event) => {
      return event.type === "MODIFIED" && event.object.status?.containerStatuses?.[0]?.restartCount === 3;
    });
    const counts = watch.events.flatMap((event) =>
      event.type === "MODIFIED" ? (event.object.status?.containerStatuses?.[0]?.restartCount ?? []) : [],
    );
    assert.deepEqual([...new Set(counts)], [0, 1, 2, 3], counts.join());
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
  },
);

function isWitnessed(pod: Pod | undefined): boolean {
  return (pod?.status?.containerStatuses ?? []).some((one) => one.name === "witness" && one.ready);
}

const READINESS = `${PROBING} with readiness probe`;

conformance(
  `${READINESS} should not be ready before initial delay and never restart [NodeConformance]`,
  containers,
  async (t) => {
    const initialDelaySeconds = 4;
    const readinessProbe = { exec: { command: ["true"] }, initialDelaySeconds, periodSeconds: 1 };
    const made = await createPod(t, "p", { containers: [idle("main", { readinessProbe })] });
    const pod = await untilReady(t, "p");
    const { state, restartCount, ready } = statusOf(pod, "main");
    const since = pod.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "";
    const waitedMs = Date.parse(since) - Date.parse(state?.running?.startedAt ?? "");
    assert.ok(waitedMs >= initialDelaySeconds * 1_000, `Ready after ${waitedMs} ms`);
    assert.deepEqual([restartCount, ready, pod.metadata.uid], [0, true, made.metadata.uid]);
  },
);

conformance(
  `${READINESS} that fails should never be ready and never restart [NodeConformance]`,
  containers,
  async (t) => {
    const readinessProbe = {
      exec: { command: ["sh", "-c", "echo look >>/looks/log; exit 1"] },
      ...STRICT,
    };
    const made = await createPod(t, "p", probedSpec({ main: idle("main", { readinessProbe }) }));
    const watch = t.watch(Pods, {
      namespace: t.namespace,
      resourceVersion: made.metadata.resourceVersion!,
    });
    await t.waitFor(Pods, made.metadata, (now) => isWitnessed(now));
    await watch.until("enough probes", (event) => {
      return event.type === "MODIFIED" && isWitnessed(event.object);
    });
    for (const event of watch.events) {
      if (event.type !== "MODIFIED" || event.object.status?.containerStatuses === undefined) continue;
      const { ready, restartCount, lastState } = statusOf(event.object, "main");
      assert.deepEqual([ready, restartCount, lastState?.terminated], [false, 0, undefined]);
      const condition = event.object.status.conditions?.find(({ type }) => type === "Ready");
      assert.equal(condition?.status, "False");
    }
  },
);
