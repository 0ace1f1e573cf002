/** The I/O that some kinds need around a write, beyond what their `Kind` decides: allocation of addresses above all. @module */
import type { KubeObject } from "#apimachinery";
import type { RequestContext } from "./context.ts";

/** An object with what was allocated for it, and how to keep that or give it back. */
export interface Begun {
  readonly object: KubeObject;
  /** Called once, when the write is stored or has failed. */
  readonly finish: (isStored: boolean) => void | Promise<void>;
}

export interface ResourceHooks {
  /** What `begin…` takes is written to the store: the object is judged with what a dry run gives it, before anything is taken. */
  readonly takesFromStore?: boolean;
  /** A write is answered when the cache, and who follows it in this server, shows it. */
  readonly answersWhenSeen?: boolean;
  readonly beginCreate?: (object: KubeObject, context: RequestContext) => Promise<Begun>;
  readonly beginUpdate?: (object: KubeObject, old: KubeObject, context: RequestContext) => Promise<Begun>;
  readonly afterDelete?: (object: KubeObject) => void | Promise<void>;
  /** False: the object is kept although its metadata names no finalizer (namespaces have finalizers in their spec). */
  readonly mayDelete?: (object: KubeObject) => boolean;
  /** What else changes when an object that `mayDelete` keeps begins to go. */
  readonly markTerminating?: (object: KubeObject) => KubeObject;
}

export function nothingBegun(object: KubeObject): Begun {
  return { object, finish: () => {} };
}
