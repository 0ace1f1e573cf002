/** The drivers by name. @module */
import type { DriverName } from "../profile.ts";
import type { Driver } from "./driver.ts";
import { hostDriver } from "./host.ts";
import { netnsDriver } from "./netns.ts";
import { simulatedDriver } from "./simulated.ts";

export type { Driver } from "./driver.ts";

export const drivers: Readonly<Record<DriverName, Driver>> = {
  netns: netnsDriver,
  host: hostDriver,
  simulated: simulatedDriver,
};
