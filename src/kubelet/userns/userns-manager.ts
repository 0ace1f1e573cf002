/** Gives pods with `hostUsers: false` ids of their own, and remembers them in the pod's folder. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { UserNamespace } from "#cri";
import { specOf, uidOf } from "../container/pod-spec.ts";
import type { VolumeHost } from "../platform/platform.ts";
import type { IdRanges } from "./id-ranges.ts";
import { formatMappings, parseMappings } from "./mappings-file.ts";

export interface UsernsManagerOptions {
  readonly host: Pick<VolumeHost, "list" | "exists" | "readFile" | "writeFile" | "remove">;
  readonly rootDir: string;
  readonly ranges: IdRanges;
  /** Whether the runtime handler can; throws when it is not known. */
  readonly handlerSupports: (handler: string) => boolean;
}

const FILE = "userns";
const FILE_BYTES_MAX = 64 * 1024;

/** A file has been written before a range is used: what a pod once had it has again after a restart. */
export class UsernsManager {
  readonly #options: UsernsManagerOptions;

  constructor(options: UsernsManagerOptions) {
    this.#options = options;
  }

  /** Takes up what the pods on disk have. */
  async load(): Promise<void> {
    const { host, rootDir } = this.#options;
    for (const uid of await host.list(`${rootDir}/pods`)) {
      const text = await this.#read(uid);
      if (text === "") continue;
      try {
        this.#record(uid, text);
      } catch (cause) {
        const message = `record pod mappings for existing pod ${JSON.stringify(uid)}: ${(cause as Error).message}`;
        throw new Error(message, { cause });
      }
    }
  }

  /** What its sandbox and containers are to be started with. */
  async namespaceOf(pod: Pod, handler: string): Promise<UserNamespace> {
    if (specOf(pod).hostUsers !== false) return { mode: "NODE" };
    this.#requireSupport(handler);
    const uid = uidOf(pod);
    const text = await this.#read(uid);
    const hostId = text === "" ? await this.#create(uid) : this.#known(uid, text);
    const mapping = { hostId, containerId: 0, length: this.#options.ranges.idsPerPod };
    return { mode: "POD", uids: [mapping], gids: [mapping] };
  }

  /** Nothing of the pod runs any more. */
  async release(uid: string): Promise<void> {
    const { ranges, host } = this.#options;
    if (!ranges.has(uid)) return;
    await host.remove(this.#path(uid));
    ranges.release(uid);
  }

  #requireSupport(handler: string): void {
    const what =
      handler === ""
        ? "runtime does not support user namespaces"
        : `RuntimeClass handler ${JSON.stringify(handler)} does not support user namespaces`;
    const message = `can't set \`spec.hostUsers: false\`, ${what}`;
    let can: boolean;
    try {
      can = this.#options.handlerSupports(handler);
    } catch (cause) {
      throw new Error(`${message}: ${(cause as Error).message}`, { cause });
    }
    if (!can) throw new Error(message);
  }

  #known(uid: string, text: string): number {
    try {
      return this.#record(uid, text);
    } catch (cause) {
      throw new Error(`user namespace: ${(cause as Error).message}`, { cause });
    }
  }

  async #create(uid: string): Promise<number> {
    const { ranges, host } = this.#options;
    try {
      ranges.release(uid);
      const hostId = ranges.allocate(uid);
      await host.writeFile(this.#path(uid), formatMappings(hostId, ranges.idsPerPod), 0o600);
      return hostId;
    } catch (cause) {
      ranges.release(uid);
      throw new Error(`create user namespace: ${(cause as Error).message}`, { cause });
    }
  }

  #record(uid: string, text: string): number {
    const { hostId, length } = parseMappings(text);
    this.#options.ranges.record(uid, hostId, length);
    return hostId;
  }

  async #read(uid: string): Promise<string> {
    const { host } = this.#options;
    const path = this.#path(uid);
    return (await host.exists(path)) ? host.readFile(path, FILE_BYTES_MAX) : "";
  }

  #path(uid: string): string {
    return `${this.#options.rootDir}/pods/${uid}/${FILE}`;
  }
}
