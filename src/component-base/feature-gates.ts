/** Switches for features that are not final: `--feature-gates=A=true,B=false`. @module */
import { parseBool } from "#apimachinery";

export type FeatureStage = "ALPHA" | "BETA" | "GA" | "DEPRECATED";

export interface FeatureSpec {
  readonly default: boolean;
  readonly stage: FeatureStage;
  /** The value may be named, but not changed. */
  readonly lockToDefault?: boolean;
}

/** Immutable once made: components ask it, nobody changes it under them. */
export class FeatureGates {
  readonly #known: ReadonlyMap<string, FeatureSpec>;
  readonly #set: ReadonlyMap<string, boolean>;

  /** Throws, in upstream's words, for settings that are unknown or locked. */
  constructor(
    known: Readonly<Record<string, FeatureSpec>>,
    settings: ReadonlyMap<string, boolean> = new Map(),
  ) {
    this.#known = new Map(Object.entries(known));
    for (const [name, value] of settings) this.#check(name, value);
    this.#set = settings;
  }

  /** Whether the feature is on. Throws for a feature that was never declared. */
  enabled(name: string): boolean {
    const spec = this.#known.get(name);
    if (spec === undefined)
      throw new Error(`feature ${JSON.stringify(name)} is not registered in FeatureGates`);
    const own = this.#set.get(name);
    if (own !== undefined) return own;
    const all = this.#set.get(spec.stage === "ALPHA" ? ALL_ALPHA : ALL_BETA);
    const isCovered = spec.stage === "ALPHA" || spec.stage === "BETA";
    return isCovered && all !== undefined && spec.lockToDefault !== true ? all : spec.default;
  }

  /** Name, stage and value of every feature, by name; for `/metrics` and `--help`. */
  list(): readonly { readonly name: string; readonly stage: FeatureStage; readonly enabled: boolean }[] {
    return [...this.#known]
      .map(([name, { stage }]) => ({ name, stage, enabled: this.enabled(name) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #check(name: string, value: boolean): void {
    if (name === ALL_ALPHA || name === ALL_BETA) return;
    const spec = this.#known.get(name);
    if (spec === undefined) throw new Error(`unrecognized feature gate: ${name}`);
    if (spec.lockToDefault === true && spec.default !== value) {
      throw new Error(`cannot set feature gate ${name} to ${value}, feature is locked to ${spec.default}`);
    }
  }
}

const ALL_ALPHA = "AllAlpha";
const ALL_BETA = "AllBeta";

/** Reads `A=true,B=false`. Throws in upstream's words. */
export function parseFeatureGates(text: string): ReadonlyMap<string, boolean> {
  const settings = new Map<string, boolean>();
  for (const part of text.split(",").map((item) => item.trim())) {
    if (part === "") continue;
    const [name = "", value] = part.split("=", 2).map((item) => item.trim());
    if (value === undefined) throw new Error(`missing bool value for ${name}`);
    const parsed = parseBool(value);
    if (parsed === undefined) {
      const why = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
      throw new Error(`invalid value of ${name}=${value}, err: ${why}`);
    }
    settings.set(name, parsed);
  }
  return settings;
}
