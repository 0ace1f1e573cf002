/** The kinds of `metrics.k8s.io/v1beta1`. @module */
import type { KubeObject } from "#apimachinery";

export const GROUP = "metrics.k8s.io";
export const VERSION = "v1beta1";
export const API_VERSION: string = `${GROUP}/${VERSION}`;

/** Quantities by resource: `cpu`, `memory`. */
export type Usage = Readonly<Record<string, string>>;

export interface NodeMetrics extends KubeObject {
  readonly timestamp: string;
  /** Go's notation: `15.02s`. */
  readonly window: string;
  readonly usage: Usage;
}

export interface PodMetrics extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly { readonly name: string; readonly usage: Usage }[];
}
