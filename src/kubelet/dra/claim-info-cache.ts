/** The claims that pods of this node use, kept in memory and, with every change that matters, on disk. @module */
import type { StateFile } from "../checkpoint/state-file.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type ClaimInfo, claimKey, type ClaimRef } from "./claim-info.ts";

/** Bounded by the claims of the node's pods. */
export class ClaimInfoCache {
  readonly #claims = new Map<string, ClaimInfo>();
  readonly #file: StateFile;
  #saving: Promise<void> = Promise.resolve();

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** Rejects when the file is damaged: nobody knows then what must be unprepared. */
  async load(): Promise<void> {
    const text = await this.#file.load();
    if (text === undefined) return;
    for (const claim of readCheckpoint(text)) this.add(claim);
  }

  get(ref: ClaimRef): ClaimInfo | undefined {
    return this.#claims.get(claimKey(ref));
  }

  add(claim: ClaimInfo): void {
    this.#claims.set(claimKey(claim), claim);
  }

  delete(claim: ClaimInfo): void {
    if (this.get(claim) === claim) this.#claims.delete(claimKey(claim));
  }

  list(): readonly ClaimInfo[] {
    return [...this.#claims.values()];
  }

  ofPod(uid: string): readonly ClaimInfo[] {
    return this.list().filter(({ podUids }) => podUids.has(uid));
  }

  /** Resolves once what is known now is on disk. */
  async save(): Promise<void> {
    const saving = this.#saving.then(() => this.#file.save(writeCheckpoint(this.list())));
    this.#saving = saving.catch(() => {});
    try {
      await saving;
    } catch (err) {
      throw new Error(`checkpoint ResourceClaim state: ${(err as Error).message}`, { cause: err });
    }
  }

  /** Resolves when no write is under way any more. */
  async close(): Promise<void> {
    await this.#saving;
  }
}
