/** The quality-of-service class of a pod. Pure. @module */
import { computeQosClass } from "#api/core/v1/qos";
import type { Pod } from "#api/core/v1/types.gen";
import type { QOSClass } from "../platform/platform.ts";
import { specOf } from "./pod-spec.ts";

/** As the API server has it, of pods that it has not seen, too. */
export function qosClassOf(pod: Pod): QOSClass {
  return computeQosClass(specOf(pod));
}
