/** Resources by pod and container, kept across restarts of kubelet. @module */
import type { Logger } from "#apimachinery";
import type { ResourceRequirements } from "#api/core/v1/types.gen";
import type { StateFile } from "../checkpoint/state-file.ts";
import type { PodAllocation } from "./pod-allocation.ts";

/** At most as many pods as the node runs. Changes of one moment are written together. */
export class ResourceState {
  readonly #file: StateFile;
  readonly #logger: Logger;
  readonly #pods = new Map<string, PodAllocation>();
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(file: StateFile, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** A file that cannot be understood counts as none: the pods' specs and the runtime tell the same, but for open resizes. */
  async load(): Promise<void> {
    try {
      const text = await this.#file.load();
      if (text === undefined) return;
      const { pods } = JSON.parse(text) as { readonly pods: Readonly<Record<string, PodAllocation>> };
      for (const [uid, allocation] of Object.entries(pods)) this.#pods.set(uid, allocation);
    } catch (err) {
      this.#logger.warn("Reading the resources of pods failed", { err });
    }
  }

  get(uid: string): PodAllocation | undefined {
    return this.#pods.get(uid);
  }

  set(uid: string, allocation: PodAllocation): void {
    this.#pods.set(uid, allocation);
    this.#changed();
  }

  setContainer(uid: string, name: string, resources: ResourceRequirements): void {
    const { containers = {}, ...rest } = this.#pods.get(uid) ?? {};
    this.set(uid, { ...rest, containers: { ...containers, [name]: resources } });
  }

  setPod(uid: string, pod: ResourceRequirements): void {
    const { containers = {} } = this.#pods.get(uid) ?? {};
    this.set(uid, { pod, containers });
  }

  remove(uid: string): void {
    if (this.#pods.delete(uid)) this.#changed();
  }

  /** Forgets all other pods. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of this.#pods.keys()) if (!uids.has(uid)) this.remove(uid);
  }

  /** Resolves when everything up to now is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #changed(): void {
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    // Changes of one moment go in one write.
    await Promise.resolve();
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#file.save(JSON.stringify({ pods: Object.fromEntries(this.#pods) }));
      } catch (err) {
        // The next change writes everything again.
        this.#logger.warn("Writing the resources of pods failed", { err });
      }
    }
  }
}
