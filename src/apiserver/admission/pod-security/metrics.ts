/** What PodSecurity decided, under upstream's names. @module */
import { Family } from "../../http/metric-family.ts";
import type { Attributes } from "../plugin.ts";
import { shownVersion, type LevelVersion } from "./policy.ts";

/** Newer policies are shown as `future`. */
const OWN_MINOR = 36;
const REQUEST = ["request_operation", "resource", "subresource"];

export class PodSecurityMetrics {
  readonly #evaluations = new Family(
    "counter",
    "pod_security_evaluations_total",
    "[ALPHA] Number of policy evaluations that occurred, not counting ignored or exempt requests.",
    ["decision", "policy_level", "policy_version", "mode", ...REQUEST],
  );
  readonly #exemptions = new Family(
    "counter",
    "pod_security_exemptions_total",
    "[ALPHA] Number of exempt requests, not counting ignored or out of scope requests.",
    REQUEST,
  );
  readonly #errors = new Family(
    "counter",
    "pod_security_errors_total",
    "[ALPHA] Number of errors preventing normal evaluation. Non-fatal errors may result in the latest restricted profile being used for evaluation.",
    ["fatal", ...REQUEST],
  );

  evaluated(
    decision: "allow" | "deny",
    policy: LevelVersion,
    mode: "enforce" | "audit" | "warn",
    attributes: Attributes,
  ): void {
    const { level, minor } = policy;
    const isLatest = level === "privileged" || minor === Infinity;
    const version = isLatest ? "latest" : minor > OWN_MINOR ? "future" : shownVersion(policy);
    this.#evaluations.series(decision, level, version, mode, ...requestOf(attributes)).inc();
  }

  exempted(attributes: Attributes): void {
    this.#exemptions.series(...requestOf(attributes)).inc();
  }

  failed(attributes: Attributes): void {
    this.#errors.series("false", ...requestOf(attributes)).inc();
  }

  render(): string {
    return [this.#evaluations, this.#exemptions, this.#errors].map((family) => family.render()).join("");
  }
}

function requestOf({ operation, resource, subresource }: Attributes): readonly string[] {
  const what = resource === "core/pods" ? "pod" : resource === "core/namespaces" ? "namespace" : "controller";
  return [operation.toLowerCase(), what, subresource];
}
