/**
 * Shows the cluster's own processes as pods: a Runtime before another one, which answers for the sandboxes of
 * components itself and hands everything else on. So kubelet runs static pods for them like any others, and
 * `kubectl get pods -A` shows what runs the cluster.
 *
 * A pod is a component's when its sandbox asks for the runtime handler `k8ts-component`, or carries the annotation
 * `k8ts.io/component`. Starting and stopping the process stays with whoever runs it: here it is only shown.
 * @module
 */
import type { Clock, Logger } from "#apimachinery";
import type { Runtime } from "../runtime.ts";
import { createState, simulatedRuntime } from "../simulated/simulated-runtime.ts";
import { containerCalls } from "./containers.ts";
import { watchHealth } from "./health.ts";
import { imageCalls } from "./images.ts";
import { listCalls } from "./lists.ts";
import { mergeEvents } from "./merge-events.ts";
import { sandboxCalls } from "./sandboxes.ts";

export interface Component {
  /** `kube-apiserver`: the name of its container, and of its image (`k8ts/kube-apiserver`). */
  readonly name: string;
  /** What probes ask: rejects, with the reason, while the component does not work. */
  check(signal: AbortSignal): Promise<void>;
  /** Wall time, ms since 1970. A change means that the process was restarted. */
  readonly startedAt: number;
  /** Lines of text; they appear in the pod's log. */
  readonly logPath: string | undefined;
}

/** What the parts of this runtime share. */
export interface ComponentState {
  readonly components: readonly Component[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keeps the records of components' sandboxes and containers. */
  readonly records: ReturnType<typeof createState>;
  /** Answers from the records. */
  readonly own: Runtime;
  /** Everything else. */
  readonly runtime: Runtime;
}

export interface ComponentOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId?: () => string;
}

/** `components` is read anew at each look: it may be a live list. Closing closes `runtime` as well. */
export function withComponents(
  runtime: Runtime,
  components: readonly Component[],
  options: ComponentOptions,
): Runtime {
  const records = createState(options);
  const own = simulatedRuntime(records, {});
  const state: ComponentState = { components, ...options, records, own, runtime };
  const stop = new AbortController();
  const watching = watchHealth(state, stop.signal);
  return {
    ...runtime,
    ...sandboxCalls(state),
    ...containerCalls(state),
    ...listCalls(state),
    ...imageCalls(state),
    containerEvents: (signal) => mergeEvents([own, runtime], signal),
    async close() {
      stop.abort();
      await watching;
      await own.close();
      await runtime.close();
    },
  };
}
