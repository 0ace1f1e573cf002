/** Which StorageClass those get who name none. Pure. @module */
import type { KubeObject } from "#apimachinery";
import { newest } from "../../newest.ts";
import type { StorageClass } from "./types.gen.ts";

const DEFAULT_ANNOTATIONS = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

export function isDefaultClass({ metadata: { annotations } }: KubeObject): boolean {
  return DEFAULT_ANNOTATIONS.some((name) => annotations?.[name] === "true");
}

/** Of several marked as default the newest. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  return newest(classes.filter(isDefaultClass));
}
