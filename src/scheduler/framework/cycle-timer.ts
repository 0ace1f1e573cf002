/** Times the extension points and the plugins of one pod, from PreFilter to PostBind. @module */
import type { Clock } from "#apimachinery";
import type { MetricsSink } from "#client";

const POINT = "scheduler_framework_extension_point_duration_seconds";
const PLUGIN = "scheduler_plugin_execution_duration_seconds";

export class CycleTimer {
  readonly #sink: MetricsSink;
  readonly #clock: Clock;
  readonly #profile: string;

  constructor(sink: MetricsSink, clock: Clock, profile: string) {
    this.#sink = sink;
    this.#clock = clock;
    this.#profile = profile;
  }

  start(): number {
    return this.#clock.monotonicMs();
  }

  /** `status`: the code of the first plugin that said something, or `Success`. */
  point(point: string, status: string, startMs: number): void {
    const labels = { extension_point: point, status, profile: this.#profile };
    this.#sink.observe(POINT, labels, (this.#clock.monotonicMs() - startMs) / 1_000);
  }

  plugin(point: string, plugin: string, status: string, startMs: number): void {
    const labels = { plugin, extension_point: point, status };
    this.#sink.observe(PLUGIN, labels, (this.#clock.monotonicMs() - startMs) / 1_000);
  }
}

/** Runs an extension point, and times it if there is a timer. */
export function timed<T>(
  timer: CycleTimer | undefined,
  point: string,
  statusOf: (result: T) => string,
  run: () => T,
): T {
  if (timer === undefined) return run();
  return observed(timer, (status, startMs) => timer.point(point, status, startMs), statusOf, run);
}

/** The same for one plugin of it. */
export function timedPlugin<T>(
  timer: CycleTimer | undefined,
  point: string,
  plugin: string,
  statusOf: (result: T) => string,
  run: () => T,
): T {
  if (timer === undefined) return run();
  return observed(timer, (status, startMs) => timer.plugin(point, plugin, status, startMs), statusOf, run);
}

/** The same for an extension point that waits. */
export async function timedLater<T>(
  timer: CycleTimer | undefined,
  point: string,
  statusOf: (result: T) => string,
  run: () => Promise<T>,
): Promise<T> {
  if (timer === undefined) return run();
  const startMs = timer.start();
  let status = "Error";
  try {
    const result = await run();
    status = statusOf(result);
    return result;
  } finally {
    timer.point(point, status, startMs);
  }
}

function observed<T>(
  timer: CycleTimer,
  observe: (status: string, startMs: number) => void,
  statusOf: (result: T) => string,
  run: () => T,
): T {
  const startMs = timer.start();
  let status = "Error";
  try {
    const result = run();
    status = statusOf(result);
    return result;
  } finally {
    observe(status, startMs);
  }
}

/** Of what says nothing unless it refuses. */
export function codeOf(status: { readonly code: string } | undefined): string {
  return status?.code ?? "Success";
}

export function always(code: string): () => string {
  return () => code;
}
