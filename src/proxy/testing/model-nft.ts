/** A model of the kernel's tables that is stricter than the kernel: what is there is not added again, and what is used not removed. @module */
import assert from "node:assert/strict";

export class ModelNft {
  /** Maps and sets -> elements, key -> value; "" in sets. */
  readonly sets: Map<string, Map<string, string>> = new Map();
  readonly chains: Map<string, string[]> = new Map();

  /** Throws where nft would, and leaves the model as it is then. Of one table: its name does not matter. */
  apply(script: string): void {
    for (const line of script.trim().split("\n")) this.#run(line);
  }

  #run(line: string): void {
    const [verb = "", kind = "", , , name = "", ...rest] = line.split(" ");
    const what = `${verb} ${kind}`;
    if (kind === "table") return this.#clear(verb);
    if (what === "add chain") return this.#new(this.chains, name, []);
    if (what === "add map" || what === "add set") return this.#new(this.sets, name, new Map());
    if (what === "add rule") return this.#addRule(name, rest.join(" "));
    if (what === "flush chain") return void this.#of(this.chains, name).splice(0);
    if (what === "delete chain" || what === "delete map" || what === "delete set")
      return this.#remove(kind, name);
    const elements = rest.slice(1, -1).join(" ").split(" , ");
    for (const element of elements) this.#changeElement(what, name, element);
  }

  #clear(verb: string): void {
    if (verb !== "delete") return;
    this.sets.clear();
    this.chains.clear();
  }

  #new<T>(all: Map<string, T>, name: string, value: T): void {
    assert.ok(!all.has(name), `${name} is there already`);
    all.set(name, value);
  }

  #of<T>(all: ReadonlyMap<string, T>, name: string): T {
    const found = all.get(name);
    assert.ok(found !== undefined, `${name} is not there`);
    return found;
  }

  #addRule(chain: string, rule: string): void {
    for (const [, set = ""] of rule.matchAll(/@(\S+)/g)) this.#of(this.sets, set);
    for (const [, next = ""] of rule.matchAll(/\b(?:goto|jump) (\S+)/g)) this.#of(this.chains, next);
    this.#of(this.chains, chain).push(rule);
  }

  #remove(kind: string, name: string): void {
    const rules = [...this.chains.values()].flat();
    const values = [...this.sets.values()].flatMap((elements) => [...elements.values()]);
    const isUsed = (text: string): boolean => text.split(" ").includes(kind === "chain" ? name : `@${name}`);
    assert.ok(![...rules, ...values].some(isUsed), `${name} is used`);
    const all: Map<string, unknown> = kind === "chain" ? this.chains : this.sets;
    this.#of(all, name);
    all.delete(name);
  }

  #changeElement(what: string, set: string, element: string): void {
    const elements = this.#of(this.sets, set);
    const [key = "", value = ""] = element.split(" : ");
    if (what === "delete element") {
      assert.ok(elements.delete(key), `${key} is not in ${set}`);
      return;
    }
    assert.equal(what, "add element");
    if (value.startsWith("goto ")) this.#of(this.chains, value.slice("goto ".length));
    this.#new(elements, key, value);
  }
}
