/** The components beside the API server: where they answer for themselves, and which are left out. @module */
import type { Command } from "commander";
import { whole } from "../flag-values.ts";

export interface ComponentFlags {
  readonly componentBindAddress: string;
  readonly schedulerSecurePort: number;
  readonly controllerManagerSecurePort: number;
  readonly schedulerConfig?: string;
  /** Whether this process serves `metrics.k8s.io`. */
  readonly metricsServer: boolean;
}

export function addComponentFlags(command: Command): void {
  command
    .option("--scheduler-config <path>", "a KubeSchedulerConfiguration file: profiles, plugins, extenders")
    .option("--no-metrics-server", "do not serve metrics.k8s.io, of which kubectl top and autoscalers live")
    .option("--component-bind-address <ip>", "where the other components of this process listen", "127.0.0.1")
    .option(
      "--scheduler-secure-port <port>",
      "metrics and health of the scheduler; 0: nowhere",
      whole,
      10_259,
    )
    .option(
      "--controller-manager-secure-port <port>",
      "metrics and health of the controller manager; 0: nowhere",
      whole,
      10_257,
    );
}
