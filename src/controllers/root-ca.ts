/** The cluster's root certificates, which may change while the controllers run. @module */
import { untilAborted } from "#apimachinery";
import { LiveValue, type Live } from "#component-base";

export type RootCA = string | Live<string>;

export function liveRootCA(rootCA: RootCA): Live<string> {
  return typeof rootCA === "string" ? new LiveValue(rootCA) : rootCA;
}

/** Calls `changed` whenever there are others, until `signal` aborts. For a controller's `background`. */
export async function followRootCA(
  rootCA: Live<string>,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  rootCA.follow(changed, signal);
  await untilAborted(signal);
}
