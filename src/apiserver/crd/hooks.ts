/** What writes of definitions need beyond the rules of their kind. @module */
import { invalid, type KubeObject, type StatusCause } from "#apimachinery";
import { validateCustomResourceDefinition } from "#api/apiextensions/v1/validation";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { nothingBegun, type Begun, type ResourceHooks } from "../registry/resource-hooks.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { checkDefinition } from "./check-definition.ts";
import { CLEANUP_FINALIZER, withCondition } from "./conditions.ts";

/** `nowMs`: the clock, for the condition that says that deletion has begun. */
export function definitionHooks(nowMs: () => number): ResourceHooks {
  return {
    beginCreate: (object) => begin(object),
    beginUpdate: (object, old) => begin(object, old),
    mayDelete: (object) => object.metadata.deletionTimestamp !== undefined,
    markTerminating: (object) => {
      const { finalizers = [] } = object.metadata;
      const kept = finalizers.includes(CLEANUP_FINALIZER) ? finalizers : [...finalizers, CLEANUP_FINALIZER];
      const marked = {
        ...object,
        metadata: { ...object.metadata, finalizers: kept },
      } as CustomResourceDefinition;
      const message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
      return withCondition(
        marked,
        { type: "Terminating", status: "True", reason: "InstanceDeletionPending", message },
        nowMs(),
      );
    },
  };
}

const crdKind = { group: "apiextensions.k8s.io", kind: "CustomResourceDefinition" };

async function begin(object: KubeObject, old?: KubeObject): Promise<Begun> {
  const crd = object as CustomResourceDefinition;
  // What is wrong with the definition itself is told by its own rules; these need it to be right.
  if (validateCustomResourceDefinition(crd).length > 0) return nothingBegun(object);
  const causes: StatusCause[] = [];
  for (const found of checkDefinition(crd, old as CustomResourceDefinition | undefined)) {
    causes.push(...found);
    // Schemas are large; others have their turn between them.
    await yieldToLoop();
  }
  if (causes.length > 0) throw invalid(crdKind, object.metadata.name, causes);
  return nothingBegun(object);
}
