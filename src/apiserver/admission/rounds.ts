/** What a mutating plugin keeps from the first round to the second: whom it asked, and whom it asks again. @module */
import type { KubeObject } from "#apimachinery";
import type { Reinvocation } from "./plugin.ts";

export interface Rounds {
  /** Asked already, and to be asked again if the object changes after them. */
  readonly invoked: Set<string>;
  readonly reinvoke: Set<string>;
  output: KubeObject | undefined;
}

/** Of the plugin, in both rounds of one request. */
export function roundsOf({ state }: Reinvocation, plugin: string): Rounds {
  const known = state.get(plugin) as Rounds | undefined;
  if (known !== undefined) return known;
  const rounds: Rounds = { invoked: new Set(), reinvoke: new Set(), output: undefined };
  state.set(plugin, rounds);
  return rounds;
}

/** The object has changed: who saw it before is asked again. */
export function requireAgain({ invoked, reinvoke }: Rounds): void {
  for (const id of invoked) reinvoke.add(id);
  invoked.clear();
}
