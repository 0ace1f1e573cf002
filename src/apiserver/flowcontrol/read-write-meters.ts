/** How many reading and how many writing requests run and wait, over time. @module */
import { TimingRatio } from "./histogram.ts";

const BUCKETS = [0, 0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

export type RequestKind = "mutating" | "readOnly";
export type Phase = "waiting" | "executing";

const READ_ONLY_VERBS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export function requestKind(verb: string): RequestKind {
  return READ_ONLY_VERBS.has(verb) ? "readOnly" : "mutating";
}

class PhaseMeter {
  readonly ratio: TimingRatio;
  count = 0;

  constructor(nowMs: number) {
    this.ratio = new TimingRatio(BUCKETS, nowMs);
  }
}

export class ReadWriteMeters {
  readonly #meters: Readonly<Record<RequestKind, Readonly<Record<Phase, PhaseMeter>>>>;

  constructor(nowMs: number) {
    const phases = (): Record<Phase, PhaseMeter> => ({
      waiting: new PhaseMeter(nowMs),
      executing: new PhaseMeter(nowMs),
    });
    this.#meters = { mutating: phases(), readOnly: phases() };
  }

  add(kind: RequestKind, phase: Phase, by: 1 | -1, nowMs: number): void {
    const meter = this.#meters[kind][phase];
    meter.count += by;
    meter.ratio.set(meter.count, nowMs);
  }

  count(kind: RequestKind, phase: Phase): number {
    return this.#meters[kind][phase].count;
  }

  ratio(kind: RequestKind, phase: Phase): TimingRatio {
    return this.#meters[kind][phase].ratio;
  }

  /** What full means: of all queues, and of all seats. */
  configure(waiting: number, executing: number, nowMs: number): void {
    for (const phases of Object.values(this.#meters)) {
      phases.waiting.ratio.setDenominator(Math.max(1, waiting), nowMs);
      phases.executing.ratio.setDenominator(Math.max(1, executing), nowMs);
    }
  }
}
