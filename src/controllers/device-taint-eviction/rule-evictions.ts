/** How many pods each DeviceTaintRule has driven away since the controller started. @module */

/** Bounded by the rules that exist: the owner forgets those that are gone. */
export class RuleEvictions {
  readonly #counts = new Map<string, number>();

  note(ruleUid: string): void {
    this.#counts.set(ruleUid, this.of(ruleUid) + 1);
  }

  of(ruleUid: string): number {
    return this.#counts.get(ruleUid) ?? 0;
  }

  keepOnly(ruleUids: ReadonlySet<string>): void {
    for (const uid of this.#counts.keys()) if (!ruleUids.has(uid)) this.#counts.delete(uid);
  }
}
