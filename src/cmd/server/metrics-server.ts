/** The resource metrics API of `k8ts server`. @module */
import type { Clock } from "#apimachinery";
import { kubeletScraper, MetricsServer, type KubeletCredentials } from "#metrics-server";
import { componentLogger } from "../component-log.ts";
import type { ComponentFlags } from "./component-flags.ts";

/** Undefined: not wanted. */
export function metricsServerOf(
  { metricsServer, logDir }: Pick<ComponentFlags, "metricsServer"> & { readonly logDir?: string },
  credentials: KubeletCredentials,
  clock: Clock,
): MetricsServer | undefined {
  if (!metricsServer) return undefined;
  const logger = componentLogger("metrics-server", logDir, clock);
  return new MetricsServer({ scrape: kubeletScraper(credentials, clock), clock, logger });
}
