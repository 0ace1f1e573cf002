/** Remembers the local-path volumes that this node has mounted, and removes their folders once the API has them no more. @module */
import { unless, type Clock, isForbidden, isNotFound, type Logger, pause } from "#apimachinery";
import type { Client } from "#client";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import type { VolumeHost } from "../platform/platform.ts";
import {
  isLocalPathVolume,
  isVolumeName,
  type LocalPathRecord,
  parseRecord,
  planLocalPath,
  reclaimPolicyOf,
} from "./local-path-plan.ts";

export interface LocalPathOptions {
  readonly client: Pick<Client, "get">;
  readonly host: VolumeHost;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Kubelet's own folder. The records lie there: clusters that share a machine share `root`, and know only their own. */
  readonly rootDir: string;
  /** The folder of the volumes. */
  readonly root: string;
}

const SWEEP_PERIOD_MS = 60_000;
/** Volumes that one sweep asks the API about; the next goes on after them. */
const SWEEP_MAX = 50;
const RECORD_BYTES_MAX = 256;
/** Whoever the pod runs as may write: an fsGroup changes nothing in volumes of type hostPath. */
const MODE = 0o777;
/** A record is not written again before this for its time alone. */
const REWRITE_MS = 300_000;

/**
 * Only what this node has mounted itself is ever removed, and never what a pod here still has mounted. Names of volumes are
 * never used twice: a volume that was found missing does not come back, so nothing can mount the folder while it goes.
 */
export class LocalPathVolumes {
  readonly #options: LocalPathOptions;
  readonly #records = new Map<string, LocalPathRecord>();
  /** Pod uid -> names of the volumes it has mounted. */
  readonly #used = new Map<string, Set<string>>();
  #sweptUpTo = "";

  constructor(options: LocalPathOptions) {
    this.#options = options;
  }

  /** Makes the folder, once it is noted. No effect for volumes of other kinds. */
  async mounting(uid: string, volume: PersistentVolume): Promise<void> {
    if (!isLocalPathVolume(volume, this.#options.root)) return;
    const { name } = volume.metadata;
    let names = this.#used.get(uid);
    if (names === undefined) this.#used.set(uid, (names = new Set()));
    names.add(name);
    await this.#note(name, reclaimPolicyOf(volume), this.#records.get(name));
    await this.#options.host.makeDir(`${this.#options.root}/${name}`, MODE);
  }

  unmounted(uid: string): void {
    this.#used.delete(uid);
  }

  /** Sweeps every minute until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      await pause(clock, SWEEP_PERIOD_MS, signal);
      if (signal.aborted) return;
      try {
        await this.sweep(signal);
      } catch (err) {
        if (!signal.aborted) logger.warn("Looking for folders of removed volumes failed", { err });
      }
    }
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const names = (await this.#options.host.list(this.#recordsDir)).filter(isVolumeName).toSorted();
    const rest = names.filter((name) => name > this.#sweptUpTo);
    const batch = (rest.length === 0 ? names : rest).slice(0, SWEEP_MAX);
    for (const name of batch) {
      signal.throwIfAborted();
      try {
        await this.#check(name, signal);
      } catch (err) {
        // An authorizer may hide volumes that no pod of this node uses now; that tells nothing of the others.
        if (!isForbidden(err)) throw err;
        this.#options.logger.debug("The node may not ask about a volume", { volume: name, err });
      }
      this.#sweptUpTo = name;
    }
    if (batch.at(-1) === names.at(-1)) this.#sweptUpTo = "";
  }

  async #check(name: string, signal: AbortSignal): Promise<void> {
    const { clock, host, logger, root } = this.#options;
    const record = this.#records.get(name) ?? (await this.#read(name));
    const volume = await this.#get(name, signal);
    const isUsed = [...this.#used.values()].some((used) => used.has(name));
    const what = planLocalPath(this.#records.get(name) ?? record, volume, isUsed, clock.now());
    if (what === "keep") return this.#note(name, reclaimPolicyOf(volume!), record);
    if (what === "wait") return;
    if (what === "remove") {
      logger.info("Removing the folder of a volume that is no more", { volume: name });
      await host.removeTree(`${root}/${name}`);
    } else logger.info("Keeping the folder of a retained volume that is no more", { volume: name });
    this.#records.delete(name);
    await host.removeTree(this.#recordPath(name));
  }

  /** Only the API's own word that there is no such volume counts; any other failure is one. */
  #get(name: string, signal: AbortSignal): Promise<PersistentVolume | undefined> {
    return unless(isNotFound, this.#options.client.get(PersistentVolumes, { name }, signal));
  }

  /** What cannot be read is taken for retained, so that nothing is removed for it. */
  async #read(name: string): Promise<LocalPathRecord> {
    const text = await this.#options.host.readFile(this.#recordPath(name), RECORD_BYTES_MAX);
    const record = parseRecord(text) ?? { seenAtMs: this.#options.clock.now(), reclaimPolicy: "Retain" };
    this.#records.set(name, record);
    return record;
  }

  async #note(name: string, reclaimPolicy: string, before: LocalPathRecord | undefined): Promise<void> {
    const seenAtMs = this.#options.clock.now();
    const isFresh = before !== undefined && seenAtMs - before.seenAtMs < REWRITE_MS;
    if (isFresh && before.reclaimPolicy === reclaimPolicy) return;
    const record: LocalPathRecord = { seenAtMs, reclaimPolicy };
    this.#records.set(name, record);
    await this.#options.host.writeFile(this.#recordPath(name), JSON.stringify(record), 0o600);
  }

  get #recordsDir(): string {
    return `${this.#options.rootDir}/plugins/k8ts.io~local-path`;
  }

  #recordPath(name: string): string {
    return `${this.#recordsDir}/${name}`;
  }
}
