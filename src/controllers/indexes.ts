/** Indexes that several controllers share on one informer. @module */
import type { KubeObject } from "#apimachinery";
import { controllerOf } from "#apimachinery";
import type { Lister, SharedInformer } from "#client";
import type { Pod } from "#api/core/v1/types.gen";

const ORPHANS = "controllers/orphans";
const BY_NODE = "controllers/node";

/** Makes `orphansOf` possible. Before the informer starts. */
export function indexOrphans<T extends KubeObject>(informer: SharedInformer<T>): void {
  ensureIndex(informer, ORPHANS, (object) =>
    controllerOf(object) === undefined ? [object.metadata.namespace ?? ""] : [],
  );
}

/** Objects of a namespace that no controller owns: the candidates for adoption. */
export function orphansOf<T extends KubeObject>(
  lister: Lister<T>,
  namespace: string | undefined,
): readonly T[] {
  return lister.byIndex(ORPHANS, namespace ?? "");
}

/** Makes `podsOnNode` possible. Before the informer starts. */
export function indexPodsByNode(informer: SharedInformer<Pod>): void {
  ensureIndex(informer, BY_NODE, (pod) => {
    const node = pod.spec?.nodeName ?? "";
    return node === "" ? [] : [node];
  });
}

export function podsOnNode(lister: Lister<Pod>, node: string): readonly Pod[] {
  return lister.byIndex(BY_NODE, node);
}

/** Informers are shared by all controllers of a process, so another one may have added the index already. */
export function ensureIndex<T extends KubeObject>(
  informer: SharedInformer<T>,
  name: string,
  values: (object: T) => readonly string[],
): void {
  if (!hasIndex(informer, name)) informer.addIndexer(name, values);
}

function hasIndex<T extends KubeObject>(informer: SharedInformer<T>, name: string): boolean {
  try {
    informer.lister.byIndex(name, "");
    return true;
  } catch {
    return false;
  }
}
