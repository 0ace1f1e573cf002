/** Creates the roles and bindings of the bootstrap policy that are missing, and completes those that lack something; at every start. @module */
import { isConflict, isNotFound } from "#apimachinery";
import { planReconciliation, type RbacObject } from "../authz/index.ts";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import { createMissing, type BootstrapObject } from "./bootstrap-objects.ts";

/** All at once. Another server that starts at the same moment does the same: its write is as good. */
export async function reconcileRbac(
  registry: Registry,
  objects: readonly BootstrapObject[],
  context: RequestContext,
): Promise<void> {
  await Promise.all(
    objects.map(async (wanted) => {
      try {
        await reconcile(registry, wanted, context);
      } catch (err) {
        if (!isConflict(err) && !isNotFound(err)) throw err;
      }
    }),
  );
}

async function reconcile(
  registry: Registry,
  wanted: BootstrapObject,
  context: RequestContext,
): Promise<void> {
  const store = registry.findStore(wanted.resource);
  if (store === undefined) return;
  const { name, namespace = "" } = wanted.object.metadata;
  const existing = store.cache.get(store.key(namespace, name))?.object;
  if (existing === undefined) return createMissing(registry, [wanted], context);
  const expected = registry.scheme.applyDefaults(wanted.object) as unknown as RbacObject;
  const plan = planReconciliation(existing as unknown as RbacObject, expected);
  if (plan.type === "none") return;
  const object = plan.object as BootstrapObject["object"];
  if (plan.type === "recreate") {
    await store.delete(namespace, name, {}, context);
    await store.create(namespace, object, context);
    return;
  }
  await store.update(
    namespace,
    name,
    { subresource: "", mayCreate: false, transform: () => object },
    context,
  );
}
