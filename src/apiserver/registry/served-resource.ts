/** One resource in one version, as a path names it, with the store of its objects. @module */
import type { Kind, KubeObject, Schema } from "#apimachinery";
import type { CustomResource } from "./custom-kind.ts";
import type { ResourceReader } from "./resource-reader.ts";
import type { ResourceStore } from "./resource-store.ts";

export interface ServedResource {
  readonly kind: Kind;
  /** `core/pods`. */
  readonly resource: string;
  readonly store: ResourceStore;
  readonly reader: ResourceReader;
  /** Facts of the kind's fields; absent for kinds that have none, custom ones among them. */
  readonly schema: Schema | undefined;
  /** Present for kinds that a CustomResourceDefinition added. */
  readonly custom?: CustomResource;
  /** Both absent when the kind is stored in this version. */
  readonly toStored?: (object: KubeObject) => KubeObject;
  readonly fromStored?: (object: KubeObject) => KubeObject;
  /** Fills in what was left out; gives the same object when nothing was. */
  readonly applyDefaults: (object: KubeObject) => KubeObject;
}
