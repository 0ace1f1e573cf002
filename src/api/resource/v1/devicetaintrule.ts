/** DeviceTaintRule taints devices of any driver, as if the driver had. @module */
import type { Kind } from "#apimachinery";
import { stableVersionOf } from "../../graduated.ts";
import { DeviceTaintRules as Stored } from "../v1beta2/devicetaintrule.ts";
import type { DeviceTaintRule } from "./types.gen.ts";

export const DeviceTaintRules: Kind<DeviceTaintRule> = stableVersionOf(Stored);
