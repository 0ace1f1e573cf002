/** Nodes that run nothing: pods get addresses, states and probes. Needs neither root nor Linux. @module */
import type { Driver } from "./driver.ts";

export const simulatedDriver: Driver = {
  name: "simulated",
  isReal: false,
  packages: {},
  up: () => Promise.resolve(),
  down: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  nodeUp: () => Promise.resolve(),
  nodeDown: () => Promise.resolve(),
  onNode: (_profile, _node, command) => command,
};
