/** Remembers the local-path volumes that this node has mounted, and removes the folders of those that the provisioner has given up. @module */
import { type Clock, type Logger, pause, WakeablePause } from "#apimachinery";
import type { Client } from "#client";
import { Nodes } from "#api/core/v1/node";
import {
  isVolumeName,
  LOCAL_PATH_RECORDS,
  releasedAnnotation,
  releasedVolumes,
} from "#api/core/v1/local-path-volumes";
import type { Node, PersistentVolume } from "#api/core/v1/types.gen";
import type { VolumeHost } from "../platform/platform.ts";
import { isLocalPathVolume, planLocalPath } from "./local-path-plan.ts";

export interface LocalPathOptions {
  readonly client: Pick<Client, "patch">;
  /** As the API showed it last. */
  readonly node: () => Node | undefined;
  readonly host: VolumeHost;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Kubelet's own folder. The records lie there: clusters that share a machine share `root`, and know only their own. */
  readonly rootDir: string;
  /** The folder of the volumes. */
  readonly root: string;
}

/** A kubelet that has just started finds out first which of its pods have a volume: one may have lost its claim meanwhile. */
const FIRST_SWEEP_MS = 15_000;
/** What could not be removed yet is tried again after this. */
const SWEEP_PERIOD_MS = 60_000;
/** Whoever the pod runs as may write: an fsGroup changes nothing in volumes of type hostPath. */
const MODE = 0o777;

/**
 * Nothing is concluded from a volume that cannot be seen: a folder goes when the provisioner says so, if this node has
 * mounted it itself and no pod here has it still. Names of volumes are never used twice.
 */
export class LocalPathVolumes {
  readonly #options: LocalPathOptions;
  /** Volumes that are noted on disk. */
  readonly #noted = new Set<string>();
  /** Pod uid -> names of the volumes it has mounted. */
  readonly #used = new Map<string, Set<string>>();
  readonly #rest: WakeablePause;

  constructor(options: LocalPathOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
  }

  /** Makes the folder, once it is noted. No effect for volumes of other kinds. */
  async mounting(uid: string, volume: PersistentVolume): Promise<void> {
    const { host, root } = this.#options;
    if (!isLocalPathVolume(volume, root)) return;
    const { name } = volume.metadata;
    let names = this.#used.get(uid);
    if (names === undefined) this.#used.set(uid, (names = new Set()));
    names.add(name);
    if (!this.#noted.has(name)) await host.writeFile(this.#recordPath(name), "", 0o600);
    this.#noted.add(name);
    await host.makeDir(`${root}/${name}`, MODE);
  }

  unmounted(uid: string): void {
    if (this.#used.delete(uid)) this.nodeChanged();
  }

  /** The node may have been told of another volume. */
  nodeChanged(): void {
    const node = this.#options.node();
    if (node !== undefined && releasedVolumes(node).length > 0) this.#rest.wake();
  }

  /** Sweeps when there is something to remove, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await pause(this.#options.clock, FIRST_SWEEP_MS, signal);
    await this.#try("Forgetting volumes whose folders are gone failed", () => this.#forgetMissing(), signal);
    while (!signal.aborted) {
      await this.#try("Removing folders of volumes failed", () => this.sweep(signal), signal);
      await this.#rest.wait(SWEEP_PERIOD_MS, signal);
    }
  }

  /** Rejects with the last failure, when all have had their turn. */
  async sweep(signal: AbortSignal): Promise<void> {
    const node = this.#options.node();
    if (node === undefined) return;
    const done: string[] = [];
    let failure: { readonly err: unknown } | undefined;
    for (const name of releasedVolumes(node)) {
      signal.throwIfAborted();
      try {
        if (await this.#giveUp(name)) done.push(name);
      } catch (err) {
        failure = { err };
      }
    }
    if (done.length > 0) await this.#acknowledge(node, done, signal);
    if (failure !== undefined) throw failure.err;
  }

  /** Whether the node has nothing of it now. */
  async #giveUp(name: string): Promise<boolean> {
    const { host, logger, root } = this.#options;
    const isOwn = isVolumeName(name) && (await host.exists(this.#recordPath(name)));
    const isUsed = [...this.#used.values()].some((used) => used.has(name));
    const what = planLocalPath(name, isOwn, isUsed);
    if (what === "wait") return false;
    if (what === "acknowledge") return true;
    logger.info("Removing the folder of a volume that was given up", { volume: name });
    await host.removeTree(`${root}/${name}`);
    await this.#forget(name);
    return true;
  }

  async #acknowledge({ metadata }: Node, names: readonly string[], signal: AbortSignal): Promise<void> {
    const annotations = Object.fromEntries(names.map((name) => [releasedAnnotation(name), null]));
    const body = { metadata: { uid: metadata.uid, annotations } };
    await this.#options.client.patch(Nodes, { name: metadata.name }, { type: "merge", body }, signal);
  }

  /** Data of a volume that was retained is the administrator's; once that is gone nobody asks for it any more. */
  async #forgetMissing(): Promise<void> {
    const { host, root } = this.#options;
    const folders = new Set(await host.list(root));
    for (const name of await host.list(this.#recordsDir)) {
      const isUsed = [...this.#used.values()].some((used) => used.has(name));
      if (!folders.has(name) && !isUsed) await this.#forget(name);
    }
  }

  async #forget(name: string): Promise<void> {
    this.#noted.delete(name);
    await this.#options.host.removeTree(this.#recordPath(name));
  }

  async #try(what: string, act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      if (!signal.aborted) await act();
    } catch (err) {
      if (!signal.aborted) this.#options.logger.warn(what, { err });
    }
  }

  get #recordsDir(): string {
    return `${this.#options.rootDir}/${LOCAL_PATH_RECORDS}`;
  }

  #recordPath(name: string): string {
    return `${this.#recordsDir}/${name}`;
  }
}
