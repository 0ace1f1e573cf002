/** How long admission takes, under upstream's names. Counting a plugin that answers from memory costs one look at the clock. @module */
import type { Clock } from "#apimachinery";
import { Family, type Series } from "../http/metric-family.ts";
import { PodSecurityMetrics } from "./pod-security/metrics.ts";

type Step = "admit" | "validate";
/** As upstream: not the same word as that of plugins. */
type WebhookType = "admit" | "validating";

const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const WEBHOOK_BOUNDS = [...BOUNDS, 10, 25];
const CODE_MAX = 600;

export class AdmissionMetrics {
  readonly podSecurity: PodSecurityMetrics = new PodSecurityMetrics();
  readonly #clock: Clock;
  readonly #steps = new Family(
    "histogram",
    "apiserver_admission_step_admission_duration_seconds",
    "[STABLE] Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).",
    ["operation", "rejected", "type"],
    BOUNDS,
  );
  readonly #controllers = new Family(
    "histogram",
    "apiserver_admission_controller_admission_duration_seconds",
    "[STABLE] Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
    ["name", "operation", "rejected", "type"],
    BOUNDS,
  );
  readonly #webhooks = new Family(
    "histogram",
    "apiserver_admission_webhook_admission_duration_seconds",
    "[STABLE] Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
    ["name", "operation", "rejected", "type"],
    WEBHOOK_BOUNDS,
  );
  readonly #rejections = new Family(
    "counter",
    "apiserver_admission_webhook_rejection_count",
    "[ALPHA] Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation.",
    ["error_type", "name", "operation", "rejection_code", "type"],
  );
  readonly #failOpen = new Family(
    "counter",
    "apiserver_admission_webhook_fail_open_count",
    "[ALPHA] Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).",
    ["name", "type"],
  );
  readonly #requests = new Family(
    "counter",
    "apiserver_admission_webhook_request_total",
    "[ALPHA] Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation.",
    ["code", "name", "operation", "rejected", "type"],
  );
  /** By step, operation and plugin. Found once: there are few of them, and they are asked for at every write. */
  readonly #admitted: Record<Step, Map<string, Map<string, Series>>> = {
    admit: new Map(),
    validate: new Map(),
  };
  readonly #stepsTaken: Record<Step, Map<string, Series>> = { admit: new Map(), validate: new Map() };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.monotonicMs();
  }

  step(type: Step, operation: string, isRejected: boolean, ms: number): void {
    if (isRejected) return this.#steps.series(operation, "true", type).observe(ms / 1000);
    const known = this.#stepsTaken[type];
    let series = known.get(operation);
    if (series === undefined) known.set(operation, (series = this.#steps.series(operation, "false", type)));
    series.observe(ms / 1000);
  }

  plugin(name: string, type: Step, operation: string, isRejected: boolean, ms: number): void {
    if (isRejected) return this.#controllers.series(name, operation, "true", type).observe(ms / 1000);
    const ofStep = this.#admitted[type];
    let known = ofStep.get(operation);
    if (known === undefined) ofStep.set(operation, (known = new Map()));
    let series = known.get(name);
    if (series === undefined)
      known.set(name, (series = this.#controllers.series(name, operation, "false", type)));
    series.observe(ms / 1000);
  }

  webhook(name: string, type: WebhookType, operation: string, outcome: WebhookOutcome): void {
    const { ms, isRejected, code } = outcome;
    this.#webhooks.series(name, operation, String(isRejected), type).observe(ms / 1000);
    const shown = String(Math.min(code, CODE_MAX));
    this.#requests.series(shown, name, operation, String(isRejected), type).inc();
  }

  rejection(name: string, type: WebhookType, operation: string, error: RejectionError, code: number): void {
    this.#rejections.series(error, name, operation, String(Math.min(code, CODE_MAX)), type).inc();
  }

  failedOpen(name: string, type: WebhookType): void {
    this.#failOpen.series(name, type).inc();
  }

  render(): string {
    const families = [
      this.#steps,
      this.#controllers,
      this.#webhooks,
      this.#rejections,
      this.#failOpen,
      this.#requests,
    ];
    return families.map((family) => family.render()).join("") + this.podSecurity.render();
  }
}

export type RejectionError = "calling_webhook_error" | "apiserver_internal_error" | "no_error";

export interface WebhookOutcome {
  readonly ms: number;
  readonly isRejected: boolean;
  /** 200, or that of the refusal. */
  readonly code: number;
}
