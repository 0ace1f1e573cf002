/** Which class of devices stands behind an extended resource; upstream's `DeviceClassResolver`. @module */
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { classesByResource } from "#api/resource/v1/extended-resource-classes";
import type { DeviceClass } from "#api/resource/v1/types.gen";
import type { InformerFactory, Lister } from "#client";

/** One for all profiles of a scheduler. */
export class DeviceClassResolver {
  readonly #classes: Lister<DeviceClass>;
  /** Until a class changes. */
  #byResource: ReadonlyMap<string, DeviceClass> | undefined;
  #version = 0;

  constructor(informers: InformerFactory) {
    const classes = informers.informer(DeviceClasses);
    this.#classes = classes.lister;
    const forget = (): void => {
      this.#byResource = undefined;
      this.#version++;
    };
    classes.addEventHandler({ onAdd: forget, onUpdate: forget, onDelete: forget });
  }

  /** Another one after every change of a class. */
  get version(): number {
    return this.#version;
  }

  byName(name: string): DeviceClass | undefined {
    return this.#classes.get(name);
  }

  readonly byResource = (resource: string): DeviceClass | undefined => {
    this.#byResource ??= classesByResource(this.#classes.list());
    return this.#byResource.get(resource);
  };
}
