/** What becomes of a container that ends: its state, its pod's phase, its last words. */
import assert from "node:assert/strict";
import type { Container } from "#api/core/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, isReady, sh, statusOf, untilEnded } from "./running-pods.ts";

const RUNTIME = "[sig-node] Container Runtime blackbox test";
const containers = { containers: true } as const;

/** Of a container that has ended with `code`. */
async function lastWords(t: ContainersContext, code: number, container: Container): Promise<string> {
  await createPod(t, "p", { restartPolicy: "Never", containers: [container] });
  const pod = await untilEnded(t, "p", code === 0 ? "Succeeded" : "Failed");
  const { terminated } = statusOf(pod, "main").state ?? {};
  assert.equal(terminated?.exitCode, code);
  return terminated.message ?? "";
}

conformance(
  `${RUNTIME} when starting a container that exits should run with the expected status [NodeConformance]`,
  containers,
  async (t) => {
    const volumes = [{ name: "runs", emptyDir: {} }];
    const volumeMounts = [{ name: "runs", mountPath: "/runs" }];
    /** The first run fails, the second does as it is told. */
    const twice = (then: string): Container =>
      sh("main", `if mkdir /runs/first; then exit 1; fi; ${then}`, { volumeMounts });
    const start = (name: string, restartPolicy: string, then: string): Promise<unknown> =>
      createPod(t, name, { restartPolicy, volumes, containers: [twice(then)] });
    await start("always", "Always", "trap 'exit 0' TERM; sleep 3600 & wait");
    await start("on-failure", "OnFailure", "exit 0");
    await start("never", "Never", "exit 0");

    const always = await t.waitFor(Pods, { namespace: t.namespace, name: "always" }, (pod) => {
      return pod !== undefined && isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1;
    });
    assert.equal(always.status?.phase, "Running");
    const { state, lastState, ready } = statusOf(always, "main");
    assert.ok(state?.running?.startedAt !== undefined && ready);
    assert.deepEqual([lastState?.terminated?.exitCode, lastState?.terminated?.reason], [1, "Error"]);

    const onFailure = statusOf(await untilEnded(t, "on-failure", "Succeeded"), "main");
    assert.deepEqual([onFailure.restartCount, onFailure.ready], [1, false]);
    assert.deepEqual(
      [onFailure.state?.terminated?.exitCode, onFailure.state?.terminated?.reason],
      [0, "Completed"],
    );

    const never = statusOf(await untilEnded(t, "never", "Failed"), "main");
    assert.deepEqual([never.restartCount, never.ready], [0, false]);
    assert.deepEqual([never.state?.terminated?.exitCode, never.state?.terminated?.reason], [1, "Error"]);
  },
);

const WHEN = `${RUNTIME} on terminated container should report termination message`;
const FALLBACK: Partial<Container> = { terminationMessagePolicy: "FallbackToLogsOnError" };

conformance(
  `${WHEN} if TerminationMessagePath is set as non-root user and at a non-default path [NodeConformance]`,
  containers,
  async (t) => {
    const container = sh("main", "echo -n DONE >/dev/own-log", {
      terminationMessagePath: "/dev/own-log",
      securityContext: { runAsUser: 1000 },
    });
    assert.equal(await lastWords(t, 0, container), "DONE");
  },
);

conformance(
  `${WHEN} from log output if TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]`,
  containers,
  async (t) => {
    assert.equal(await lastWords(t, 1, sh("main", "echo -n DONE; exit 1", FALLBACK)), "DONE");
  },
);

conformance(
  `${WHEN} as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]`,
  containers,
  async (t) => {
    assert.equal(await lastWords(t, 0, sh("main", "echo DONE", FALLBACK)), "");
  },
);

conformance(
  `${WHEN} from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]`,
  containers,
  async (t) => {
    const script = "echo from the log; echo -n OK >/dev/termination-log";
    assert.equal(await lastWords(t, 0, sh("main", script, FALLBACK)), "OK");
  },
);
