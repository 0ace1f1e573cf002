/** Pods whose probes leave marks, and a container beside that is ready when there are enough of them. @module */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Events } from "#api/core/v1/event";
import type { Container, Pod, PodSpec, Probe, Volume, VolumeMount } from "#api/core/v1/types.gen";
import type { ContainersContext } from "../harness/index.ts";
import { idle, isReady, sh, statusOf } from "./running-pods.ts";

const ROOT = join(import.meta.dirname, "../../..");
const GRPC_SERVER = join(ROOT, "test/e2e/grpc-health-server.ts");
/** Where what the server needs is, on this machine and so in its container. */
const SYSTEM = [
  "/lib",
  "/lib64",
  "/usr/lib",
  ROOT,
  // the last two may be elsewhere
  ...[dirname(process.execPath), realpathSync(join(ROOT, "node_modules"))].filter(
    (path) => !path.startsWith(`${ROOT}/`),
  ),
];
const LOOKS = { name: "looks", mountPath: "/looks" };
/** Probes that follow each other: enough to see that nothing comes of them. */
export const LOOKS_MIN = 5;
/** One failure is enough; a machine that has much to do is none. */
export const STRICT = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 };
/** However long a program takes to come up. */
export const PATIENT = { periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 5 };
export const GRPC_PORT = 5000;

export interface Probed {
  readonly main: Container;
  readonly volumes?: readonly Volume[];
  /** Shell: how many lines of /looks/log there are of probes. */
  readonly count?: string;
}

/** Each probe that `main` answers leaves a line in /looks/log. */
export function probedSpec({ main, volumes = [], count = "wc -l </looks/log" }: Probed): PodSpec {
  const command = ["sh", "-c", `[ "$(${count})" -ge ${LOOKS_MIN} ]`];
  const witness = idle("witness", {
    volumeMounts: [LOOKS],
    readinessProbe: { exec: { command }, periodSeconds: 1 },
  });
  const mounted = { ...main, volumeMounts: [...(main.volumeMounts ?? []), LOOKS] };
  return { containers: [mounted, witness], volumes: [...volumes, { name: LOOKS.name, emptyDir: {} }] };
}

/** Answers on GRPC_PORT, as long as /tmp/serving exists. The server is this project's own, on the machine's Node. */
export function grpcServer(livenessProbe: Probe): Probed {
  const volumes = SYSTEM.map((path, i) => ({ name: `system-${i}`, hostPath: { path } }));
  const volumeMounts: VolumeMount[] = SYSTEM.map((mountPath, i) => ({
    name: `system-${i}`,
    mountPath,
    readOnly: true,
  }));
  const script = `touch /tmp/serving; exec ${process.execPath} ${GRPC_SERVER} 0.0.0.0:${GRPC_PORT} /tmp/serving >>/looks/log`;
  const startupProbe = { grpc: { port: GRPC_PORT, service: "startup" }, ...PATIENT };
  const count = "grep -cx 'checked liveness' /looks/log";
  return { main: sh("main", script, { volumeMounts, startupProbe, livenessProbe }), volumes, count };
}

/** Messages of the events that tell of a probe that has failed, and of a container that was killed for it. */
export function untilKilled(t: ContainersContext, probe: string): Promise<string> {
  return t.untilList("an event for a container that is killed", Events, (all) => {
    const failures = all.flatMap(({ reason, message = "" }) => (reason === "Unhealthy" ? [message] : []));
    const isKilled = all.some(
      ({ reason, message = "" }) =>
        reason === "Killing" && message === `Container main failed ${probe} probe, will be restarted`,
    );
    return isKilled && failures.join("\n");
  });
}

export function checkNeverRestarted(pod: Pod): void {
  assert.ok(isReady(pod));
  assert.deepEqual([statusOf(pod, "main").restartCount, statusOf(pod, "witness").restartCount], [0, 0]);
}
