/** What authentication and authorization count, under upstream's names. @module */
import type { MetricDefinition, MetricLabels } from "#component-base";

export interface SecurityMetrics {
  inc(name: string, labels?: MetricLabels, by?: number): void;
  set(name: string, labels: MetricLabels, value: number): void;
  observe(name: string, labels: MetricLabels, value: number): void;
}

const counter = (name: string, help: string, labels: readonly string[] = []): MetricDefinition => ({
  type: "counter",
  name,
  help,
  labels,
});

const reloads = (what: string): readonly MetricDefinition[] => [
  counter(
    `apiserver_${what}_config_controller_automatic_reloads_total`,
    `Reloads of the ${what} configuration file, by status.`,
    ["status"],
  ),
  {
    type: "gauge",
    name: `apiserver_${what}_config_controller_automatic_reload_last_timestamp_seconds`,
    help: `When the ${what} configuration file was last reloaded, by status.`,
    labels: ["status"],
  },
];

/** None, half an hour to a day, to a week, a month to a year. */
const CERTIFICATE_BUCKETS = [
  0, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 2_592_000, 7_776_000, 15_552_000,
  31_104_000,
];

export const SECURITY_METRICS: readonly MetricDefinition[] = [
  ...reloads("authentication"),
  ...reloads("authorization"),
  {
    type: "histogram",
    name: "apiserver_client_certificate_expiration_seconds",
    help: "How much longer the certificates are good by which clients are known.",
    stability: "ALPHA",
    labels: [],
    buckets: CERTIFICATE_BUCKETS,
  },
  counter("serviceaccount_stale_tokens_total", "Uses of extended tokens after their time."),
  counter("serviceaccount_valid_tokens_total", "Uses of extended tokens within their time."),
  counter("serviceaccount_legacy_auto_token_uses_total", "Uses of auto-generated legacy tokens."),
  counter("serviceaccount_legacy_manual_token_uses_total", "Uses of manually created legacy tokens."),
  counter("serviceaccount_invalid_legacy_auto_token_uses_total", "Uses of invalidated legacy tokens."),
  counter("apiserver_authentication_jwt_authenticator_jwks_fetches_total", "Fetches of issuers' keys.", [
    "result",
  ]),
  counter("apiserver_authorization_decisions_total", "Decisions that ended an authorization.", [
    "type",
    "name",
    "decision",
  ]),
  counter("apiserver_authorization_webhook_evaluations_total", "Calls of authorization webhooks.", [
    "name",
    "result",
  ]),
  counter(
    "apiserver_authorization_webhook_evaluations_fail_open_total",
    "Calls of authorization webhooks that failed and left the decision to others.",
    ["name", "result"],
  ),
  {
    type: "histogram",
    name: "apiserver_authorization_webhook_duration_seconds",
    help: "How long authorization webhooks took.",
    labels: ["name", "result"],
  },
];

/** Counts where the server counts, once there is one: authentication is made before it. */
export class LateMetrics implements SecurityMetrics {
  #sink: SecurityMetrics | undefined;

  bind(sink: SecurityMetrics): void {
    this.#sink = sink;
  }

  inc(name: string, labels: MetricLabels = {}, by = 1): void {
    this.#sink?.inc(name, labels, by);
  }

  set(name: string, labels: MetricLabels, value: number): void {
    this.#sink?.set(name, labels, value);
  }

  observe(name: string, labels: MetricLabels, value: number): void {
    this.#sink?.observe(name, labels, value);
  }
}
