/**
 * The newest resourceVersion that a controller itself wrote of each object, so that it does not decide on an older
 * state and fail with a conflict. Upstream's consistency store; KEP-5504 makes resourceVersions comparable.
 * @module
 */
import type { KubeObject, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";

/** Bounded by the objects that were written and not deleted: the owner calls `forget`. */
export class LastWrites {
  readonly #written = new Map<ObjectKey, { readonly uid: string | undefined; readonly revision: number }>();

  /** `object` is the API server's answer to a write; undefined: there was nothing to write to any more. */
  note(object: KubeObject | undefined): void {
    if (object === undefined) return;
    const { uid, resourceVersion } = object.metadata;
    this.#written.set(keyOf(object), { uid, revision: Number(resourceVersion) });
  }

  /** The cache does not show the last write of this object yet; when it does, a change will say so. */
  isBehind(cached: KubeObject): boolean {
    const key = keyOf(cached);
    const written = this.#written.get(key);
    if (written === undefined) return false;
    const isCurrent =
      written.uid !== cached.metadata.uid || Number(cached.metadata.resourceVersion) >= written.revision;
    if (isCurrent) this.#written.delete(key);
    return !isCurrent;
  }

  forget(key: ObjectKey): void {
    this.#written.delete(key);
  }
}
