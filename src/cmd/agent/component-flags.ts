/** Where the agent beside a server asks that server's components for their health; by the names of the server's own flags. @module */
import type { Command } from "commander";
import { whole } from "../flag-values.ts";

export interface ComponentHealthFlags {
  readonly componentBindAddress: string;
  readonly schedulerSecurePort: number;
  readonly controllerManagerSecurePort: number;
}

export function addComponentHealthFlags(command: Command): void {
  command
    .option(
      "--component-bind-address <ip>",
      "where the server's components answer for themselves",
      "127.0.0.1",
    )
    .option("--scheduler-secure-port <port>", "health of the scheduler; 0: nowhere", whole, 10_259)
    .option(
      "--controller-manager-secure-port <port>",
      "health of the controller manager; 0: nowhere",
      whole,
      10_257,
    );
}
