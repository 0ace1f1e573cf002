/** A namespace goes only when its spec names no finalizer: then it is empty. @module */
import type { KubeObject } from "#apimachinery";
import type { Namespace } from "#api/core/v1/types.gen";
import type { ResourceHooks } from "../resource-hooks.ts";

export const namespaceHooks: ResourceHooks = {
  mayDelete: (object) => ((object as Namespace).spec?.finalizers ?? []).length === 0,
  markTerminating: (object) => {
    const namespace = object as Namespace;
    return { ...namespace, status: { ...namespace.status, phase: "Terminating" } } as KubeObject;
  },
};
