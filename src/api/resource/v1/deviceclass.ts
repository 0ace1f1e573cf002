/** DeviceClass names a kind of device that pods may claim. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { DeviceClass } from "./types.gen.ts";
import { validateDeviceClass } from "./validation.ts";

export const DeviceClasses: Kind<DeviceClass> = {
  group: "resource.k8s.io",
  version: "v1",
  kind: "DeviceClass",
  names: { plural: "deviceclasses", singular: "deviceclass" },
  scope: "Cluster",
  subresources: [],
  validate: validateDeviceClass,
  columns: nameAndAge,
};
