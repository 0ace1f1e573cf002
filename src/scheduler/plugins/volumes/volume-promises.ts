/** Volumes that are chosen for claims and not bound yet. @module */
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { keyOf } from "#apimachinery";

/** What is to be done for a claim on the chosen node. */
export type Decision =
  | { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }
  | { readonly claim: PersistentVolumeClaim; readonly volume: undefined };

/** What is chosen for the claims of pods that are being bound, before the API knows. */
export class VolumePromises {
  /** Name of the volume -> key of the claim. */
  readonly #volumes = new Map<string, string>();
  /** Key of the claim -> name of the node where its volume is to be made. */
  readonly #nodes = new Map<string, string>();

  make(decisions: readonly Decision[], nodeName: string): void {
    for (const { claim, volume } of decisions) {
      if (volume === undefined) this.#nodes.set(keyOf(claim), nodeName);
      else this.#volumes.set(volume.metadata.name, keyOf(claim));
    }
  }

  release(decisions: readonly Decision[]): void {
    for (const { claim, volume } of decisions) {
      if (volume === undefined) this.#nodes.delete(keyOf(claim));
      else this.#volumes.delete(volume.metadata.name);
    }
  }

  isToAnother({ metadata }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
    const owner = this.#volumes.get(metadata.name);
    return owner !== undefined && owner !== keyOf(claim);
  }

  nodeOf(claim: PersistentVolumeClaim): string | undefined {
    return this.#nodes.get(keyOf(claim));
  }
}
