/** Walks over all containers of a pod in upstream's order: init containers, containers, ephemeral ones. @module */
import { field } from "#apimachinery";
import type { Container, PodSpec } from "../core/v1/types.gen.ts";
import { all, each, NONE, type Causes } from "./common.ts";

const LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;

/** Every container with its path, as `spec.initContainers[0]`. */
export function containersOf(spec: PodSpec, path: string): readonly (readonly [Container, string])[] {
  const found: (readonly [Container, string])[] = [];
  for (const list of LISTS) {
    const containers = spec[list];
    if (containers === undefined) continue;
    const at = field.child(path, list);
    for (const [i, container] of containers.entries()) found.push([container, field.index(at, i)]);
  }
  return found;
}

/** The causes of every container. */
export function eachContainer(
  spec: PodSpec,
  path: string,
  validate: (container: Container, path: string) => Causes,
): Causes {
  let found = NONE;
  for (const list of LISTS) {
    const containers = spec[list];
    if (containers !== undefined) found = all(found, each(containers, field.child(path, list), validate));
  }
  return found;
}

export function someContainer(spec: PodSpec, test: (container: Container) => boolean): boolean {
  return LISTS.some((list) => spec[list]?.some(test) === true);
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === "Always";
