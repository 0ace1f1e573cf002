/** Of scheduler_perf's folder `dra/extendedresource`: extended resources that devices back. @module */
import type { PodTemplate } from "../pod-template.ts";
import type { Workload } from "../workload.ts";

const CLASSES = 25;

function extended(name: string, resource: string): Workload {
  const measured: PodTemplate = {
    generateName: "test-dra-",
    extendedResource: (i) => `${resource}${i % CLASSES}`,
  };
  return {
    name: `${name}_${CLASSES}Classes/5000pods_500nodes`,
    nodes: 500,
    devices: { perNode: 10, classes: CLASSES },
    first: [{ template: measured, count: 2_500 }],
    measured,
    measurePods: 2_500,
  };
}

export const extendedResources: readonly Workload[] = [
  extended("ExtendedResource", "example.com/gpu-"),
  extended("ImplicitExtendedResource", "deviceclass.resource.kubernetes.io/test-class-"),
];
