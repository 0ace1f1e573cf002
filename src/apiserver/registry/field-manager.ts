/** Who set which field: the registry's view of managedFields. The implementation walks the facts of `#api`. @module */
import type { Kind, KubeObject } from "#apimachinery";

export interface ManagedWrite {
  readonly kind: Kind;
  readonly object: KubeObject;
  /** Undefined on create. */
  readonly old: KubeObject | undefined;
  readonly manager: string;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly nowMs: number;
}

export interface ManagedApply extends Omit<ManagedWrite, "object"> {
  /** The configuration that was applied: only what its manager has an opinion on. */
  readonly config: KubeObject;
  readonly force: boolean;
}

export interface FieldManager {
  /** The object with managedFields that tell of this write. */
  update(write: ManagedWrite): KubeObject;
  /** Server-side apply. Throws a Conflict with a cause per field that others own. */
  apply(write: ManagedApply): KubeObject;
}
