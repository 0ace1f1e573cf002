/** What a conformance test is given: a namespace of its own in a cluster it shares, and ways to act, look and wait. @module */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { Namespaces } from "#api/core/v1/namespace";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { isNotFound, type Kind, type KubeObject } from "#apimachinery";
import type { Client, ObjectRef, WatchOptions } from "#client";
import { until, waitFor, type WaitOptions } from "../../../src/testing/waiting.ts";
import { run, type Output, type RunOptions } from "../../e2e/harness.ts";
import type { Launched, Simulated } from "./backends.ts";
import { sendHttp, type HttpAnswer, type HttpRequest } from "./http.ts";
import type { Session } from "./session.ts";
import { WatchRecorder } from "./watch-recorder.ts";

export type Undo = (signal: AbortSignal) => Promise<unknown>;

export interface ConformanceContext {
  /** Of `node:test`: `after`, `diagnostic`, `skip`. */
  readonly test: TestContext;
  /** Made for this test, with its `default` ServiceAccount; deleted after it. */
  readonly namespace: string;
  /** Over HTTPS, as a member of system:masters. */
  readonly client: Client;
  /** Aborts when the test ends or its time is over. */
  readonly signal: AbortSignal;
  /** Text that no other test uses, fit for names of cluster-scoped objects and for label values. */
  readonly unique: string;
  readonly kubeconfigPath: string;
  /** One more namespace, deleted after the test; resolves with its name. */
  newNamespace(labels?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs after the test, last first, whatever became of it. For cluster-scoped objects; `signal` is a fresh one. */
  cleanup(undo: Undo): void;
  /** Standard output of kubectl in the test's namespace; fails the test on a non-zero exit. */
  kubectl(...args: readonly string[]): Promise<string>;
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<Output>;
  /** A kubectl that goes on (`proxy`, `logs -f`); ends with the test. */
  startKubectl(...args: readonly string[]): ChildProcess;
  http(request: HttpRequest): Promise<HttpAnswer>;
  /**
   * Resolves with the object once `fits` holds; it sees undefined while there is none. Built-in kinds only: a kind whose
   * definition goes away again would hold up everybody's waits; use `watch` for those.
   */
  waitFor<T extends KubeObject, F extends T | undefined = T>(
    kind: Kind<T>,
    ref: ObjectRef,
    fits: (object: T | undefined) => boolean,
    options?: WaitOptions,
  ): Promise<F>;
  /** Resolves when there is no such object. */
  waitGone<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: WaitOptions): Promise<void>;
  /** Asks `read` after every change of objects of the kind in the test's namespace (or of a cluster-scoped kind), with all of them. */
  untilList<T extends KubeObject, R>(
    what: string,
    kind: Kind<T>,
    read: (objects: readonly T[]) => R | undefined | false,
    options?: WaitOptions,
  ): Promise<R>;
  /** Starts at once. Give a `resourceVersion` (of a list, of an object) whenever the test counts events. */
  watch<T extends KubeObject>(kind: Kind<T>, options?: WatchOptions): WatchRecorder<T>;
}

export interface SimulatedContext extends ConformanceContext {
  /** For `addNode`, and for looking from inside. */
  readonly cluster: Simulated["cluster"];
}

export interface ContainersContext extends ConformanceContext {
  /** The launched cluster: `k8ts` commands, its home. */
  readonly cluster: Launched["cluster"];
}

const UNDO_MS = 60_000;
const TIMEOUT_MS = 120_000;
/** It reads every document of the API before it sends anything, and others do so at the same time. */
const KUBECTL_MS = 180_000;

/** Resolves when a pod may be created in the namespace. */
export async function newContext(test: TestContext, session: Session): Promise<ConformanceContext> {
  const { client, clock } = session;
  const signal = AbortSignal.any([test.signal, session.signal]);
  const unique = `c${randomBytes(5).toString("hex")}`;
  const waiting = { informers: session.informers, clock, signal: session.signal };
  let namespaces = 0;

  const undos: Undo[] = [];
  const cleanup = (undo: Undo): void => void undos.unshift(undo);
  test.after(() => undoAll(undos));
  const newNamespace = async (labels: Readonly<Record<string, string>> = {}): Promise<string> => {
    const name = namespaces++ === 0 ? unique : `${unique}-${namespaces}`;
    await client.create(
      Namespaces,
      { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } },
      signal,
    );
    cleanup((undoing) => client.delete(Namespaces, { name }, undoing));
    await waitFor(
      waiting,
      ServiceAccounts,
      { namespace: name, name: "default" },
      (account) => account !== undefined,
      long(),
    );
    return name;
  };
  const namespace = await newNamespace();
  const tryKubectl = (args: readonly string[], options?: RunOptions): Promise<Output> =>
    run([session.kubectlPath, `--namespace=${namespace}`, ...args], session.kubectlEnv, {
      timeoutMs: KUBECTL_MS,
      ...options,
    });

  return {
    test,
    namespace,
    client,
    signal,
    unique,
    kubeconfigPath: session.kubeconfigPath,
    newNamespace,
    cleanup,
    tryKubectl,
    async kubectl(...args) {
      const { code, stdout, stderr } = await tryKubectl(args);
      assert.equal(code, 0, `kubectl ${args.join(" ")} exited with ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    startKubectl(...args) {
      const child = spawn(session.kubectlPath, [`--namespace=${namespace}`, ...args], {
        env: session.kubectlEnv,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const isGone = once(child, "exit");
      cleanup(async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill();
        await isGone;
      });
      return child;
    },
    http: (request) => sendHttp(session.server, session.agent, request, signal),
    waitFor: <T extends KubeObject, F extends T | undefined>(
      kind: Kind<T>,
      ref: ObjectRef,
      fits: (object: T | undefined) => boolean,
      options?: WaitOptions,
    ) => waitFor(waiting, kind, ref, fits, long(options)) as Promise<F>,
    async waitGone(kind, ref, options) {
      await waitFor(waiting, kind, ref, (object) => object === undefined, long(options));
    },
    untilList(what, kind, read, options) {
      const { lister } = session.informers.informer(kind);
      const scope = kind.scope === "Namespaced" ? namespace : undefined;
      const look = (): ReturnType<typeof read> => read(lister.list(scope));
      return until(waiting, () => what, [kind as unknown as Kind], look, long(options));
    },
    watch: (kind, options = {}) => new WatchRecorder(client.watch(kind, options, signal), clock),
  };
}

function long(options?: WaitOptions): WaitOptions {
  return { timeoutMs: TIMEOUT_MS, ...options };
}

/** One that fails does not keep the others from being tried. */
async function undoAll(undos: readonly Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const undo of undos)
    await undo(AbortSignal.timeout(UNDO_MS)).catch((err: unknown) => {
      if (!isNotFound(err)) failures.push(err);
    });
  if (failures.length > 0) throw new AggregateError(failures, "Failed to clean up after the test");
}
