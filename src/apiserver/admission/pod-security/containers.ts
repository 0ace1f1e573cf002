/** Words and walks that the checks of Pod Security share. @module */
import { compareStrings } from "#apimachinery";
import type { Container, PodSpec } from "#api/core/v1/types.gen";

export interface CheckedPod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } | undefined;
  readonly spec: PodSpec;
}

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export type PodCheck = (pod: CheckedPod) => Violation | undefined;

/** Init containers, containers, and the ephemeral ones, in upstream's order. */
export function containersOf({
  initContainers = [],
  containers,
  ephemeralContainers = [],
}: PodSpec): readonly Container[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

/** `container "a"`, `containers "a", "b"`. */
export function named(names: readonly string[]): string {
  return `${plural("container", names)} ${quoted(names)}`;
}

export function namesOf(containers: readonly Container[]): readonly string[] {
  return containers.map(({ name }) => name);
}

export function plural(word: string, list: { readonly length: number }): string {
  return list.length === 1 ? word : `${word}s`;
}

/** `container "a" uses`, `containers "a", "b" use`. */
export function uses(names: readonly string[]): string {
  return names.length === 1 ? "uses" : "use";
}

export function quoted(list: readonly string[]): string {
  return list.map((item) => `"${item}"`).join(", ");
}

/** Each once, in order. */
export function distinct(list: readonly string[]): readonly string[] {
  return [...new Set(list)].toSorted(compareStrings);
}

/** Who sets something: the pod itself, containers, or both. */
export function setters(byPod: boolean, names: readonly string[]): string {
  return [...(byPod ? ["pod"] : []), ...(names.length > 0 ? [named(names)] : [])].join(" and ");
}

/** A check that Windows pods need not pass. */
export function unlessWindows(check: PodCheck): PodCheck {
  return (pod) => (pod.spec.os?.name === "windows" ? undefined : check(pod));
}

/** A check that pods with a user namespace of their own need not pass. */
export function unlessUserNamespace(check: PodCheck): PodCheck {
  return (pod) => (pod.spec.hostUsers === false ? undefined : check(pod));
}
