/** All that a server counts, and in which order it shows it. @module */
import type { Clock } from "#apimachinery";
import { componentText } from "#component-base";
import { AdmissionMetrics } from "../admission/metrics.ts";
import { StoreMetrics } from "../registry/store-metrics.ts";
import { HealthSlis } from "./health-slis.ts";
import { RequestMetrics } from "./request-metrics.ts";

export interface ServerMetrics {
  readonly requests: RequestMetrics;
  readonly admission: AdmissionMetrics;
  readonly store: StoreMetrics;
  /** The process, its version and its features. */
  readonly component: () => string;
  /** Shown at a path of its own. */
  readonly slis: HealthSlis;
}

export function newServerMetrics(clock: Clock): ServerMetrics {
  return {
    requests: new RequestMetrics(),
    admission: new AdmissionMetrics(clock),
    store: new StoreMetrics(),
    component: componentText(clock.now()),
    slis: new HealthSlis(),
  };
}
