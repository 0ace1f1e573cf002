/** Hooks of containers: after their start and before their end. Another pod keeps account of the calls. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Lifecycle, LifecycleHandler } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, inside, sh, untilReady } from "./running-pods.ts";

const HOOK = "[sig-node] Container Lifecycle Hook when create a pod with lifecycle hook should execute";
const containers = { containers: true } as const;
const PATH = "/cgi-bin/note.cgi";
/** Every request adds its query to a file. */
const ACCOUNTANT = `
cat >/www${PATH} <<'END'
#!/bin/sh
echo "$QUERY_STRING" >>/calls
printf 'Content-Type: text/plain\\r\\n\\r\\n'
END
chmod +x /www${PATH}; touch /calls; exec serve`;

interface Accountant {
  readonly ip: string;
  /** What it was told so far, in order. */
  calls(): Promise<readonly string[]>;
}

async function startAccountant(t: ContainersContext): Promise<Accountant> {
  const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1 };
  await createPod(t, "accountant", { containers: [sh("main", ACCOUNTANT, { readinessProbe })] });
  const { status } = await untilReady(t, "accountant");
  return {
    ip: status!.podIP!,
    calls: async () => {
      const text = await inside(t, "accountant", "main", "cat /calls");
      return text.split("\n").filter((line) => line !== "");
    },
  };
}

function telling({ ip }: Accountant, word: string): string {
  return `wget -q -O /dev/null 'http://${ip}${PATH}?${word}'`;
}

function byExec(accountant: Accountant, word: string): LifecycleHandler {
  // It takes its time: who does not wait for it is found out.
  return { exec: { command: ["sh", "-c", `sleep 0.5; ${telling(accountant, word)}`] } };
}

function byHttp({ ip }: Accountant, word: string): LifecycleHandler {
  return { httpGet: { host: ip, port: 80, path: `${PATH}?${word}` } };
}

/** A pod that says when it is told to end. */
async function start(t: ContainersContext, accountant: Accountant, lifecycle: Lifecycle): Promise<void> {
  const script = `trap "${telling(accountant, "term")}; exit 0" TERM; while :; do sleep 3600 & wait $!; done`;
  const main = sh("main", script, { lifecycle });
  await createPod(t, "p", { terminationGracePeriodSeconds: 30, containers: [main] });
  await untilReady(t, "p");
}

async function end(t: ContainersContext): Promise<void> {
  const ref = { namespace: t.namespace, name: "p" };
  await t.client.delete(Pods, ref, t.signal);
  await t.waitGone(Pods, ref);
}

for (const [how, handler] of [
  ["exec", byExec],
  ["http", byHttp],
] as const) {
  conformance(`${HOOK} poststart ${how} hook properly [NodeConformance]`, containers, async (t) => {
    const accountant = await startAccountant(t);
    await start(t, accountant, { postStart: handler(accountant, "post-start") });
    assert.deepEqual(
      await accountant.calls(),
      ["post-start"],
      "a pod is not Ready before its hook has ended",
    );
    await end(t);
    assert.deepEqual(await accountant.calls(), ["post-start", "term"]);
  });

  conformance(`${HOOK} prestop ${how} hook properly [NodeConformance]`, containers, async (t) => {
    const accountant = await startAccountant(t);
    await start(t, accountant, { preStop: handler(accountant, "pre-stop") });
    assert.deepEqual(await accountant.calls(), []);
    await end(t);
    assert.deepEqual(await accountant.calls(), ["pre-stop", "term"], "the hook comes before the signal");
  });
}

conformance("[sig-node] PreStop should call prestop when killing a pod", containers, async (t) => {
  const accountant = await startAccountant(t);
  await start(t, accountant, {
    postStart: byHttp(accountant, "post-start"),
    preStop: byExec(accountant, "pre-stop"),
  });
  // With a grace period of its own, that the hook fits in.
  const ref = { namespace: t.namespace, name: "p" };
  await t.client.delete(Pods, ref, t.signal, { gracePeriodSeconds: 10 });
  await t.waitGone(Pods, ref);
  assert.deepEqual(await accountant.calls(), ["post-start", "pre-stop", "term"]);
});
