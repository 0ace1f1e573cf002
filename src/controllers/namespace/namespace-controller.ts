/** Empties namespaces that are being deleted, and lets them go when nothing is left. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { messageOf, parseTime } from "#apimachinery";
import { Namespaces } from "#api/core/v1/namespace";
import { Pods } from "#api/core/v1/pod";
import type { Namespace } from "#api/core/v1/types.gen";
import { listWhole, objectPath } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { clusterResources } from "../custom-kinds.ts";
import type { ResourceSource } from "../resources.ts";
import { supports } from "../resources.ts";
import { unlessGone } from "../unless-gone.ts";
import type { Outcome, Remaining } from "./plan.ts";
import { graceLeft, isUnexpected, planConditions, recheckInMs } from "./plan.ts";

const FINALIZER = "kubernetes";
/** Resources of one namespace that are emptied at the same time. */
const RESOURCES_PARALLEL = 8;

/** Safe on a stale cache: the namespace is read anew, and content is deleted however often this runs. */
export function namespaceController(
  context: ControllerContext,
  resources: ResourceSource = clusterResources(context),
): Controller {
  const namespaces = context.informers.lister(Namespaces);
  return {
    name: "namespace-controller",
    eventSource: "namespace-controller",
    reconciles: Namespaces as Kind,
    // The last pod's end need not wait for the next look.
    watches: [
      source(Pods, (pod, _old, change) => (change === "delete" ? terminating(pod.metadata.namespace) : [])),
    ],
    reconcile: async (key, signal) => {
      if (namespaces.get(key)?.metadata.deletionTimestamp === undefined) return {};
      return await deleteNamespace(context, resources, key, signal);
    },
  };

  function terminating(name: string | undefined): readonly ObjectKey[] {
    const isTerminating = namespaces.get(name ?? "")?.metadata.deletionTimestamp !== undefined;
    return isTerminating ? [name!] : [];
  }
}

async function deleteNamespace(
  { client, clock }: ControllerContext,
  resources: ResourceSource,
  name: string,
  signal: AbortSignal,
): Promise<Result> {
  let namespace = await unlessGone(client.get(Namespaces, { name }, signal));
  if (namespace?.metadata.deletionTimestamp === undefined) return {};
  if (namespace.status?.phase !== "Terminating") {
    const status = { ...namespace.status, phase: "Terminating" };
    namespace = await client.updateStatus(Namespaces, { ...namespace, status }, signal);
  }
  if (!(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return {};

  const sinceMs = (): number => clock.now() - parseTime(namespace!.metadata.deletionTimestamp!);
  const outcome = await deleteAllContent(client, resources, name, sinceMs, signal);
  const before = namespace.status?.conditions ?? [];
  const conditions = planConditions(before, outcome, clock.now());
  if (conditions !== before) {
    namespace = await client.updateStatus(
      Namespaces,
      { ...namespace, status: { ...namespace.status, conditions } },
      signal,
    );
  }
  if (outcome.failures.length > 0)
    throw new Error(`Deleting the content of namespace ${name}: ${outcome.failures.join("; ")}`);
  const requeueAfterMs = recheckInMs(outcome);
  if (requeueAfterMs > 0) return { requeueAfterMs };
  await finalize(client, namespace, signal);
  return {};
}

/** Pods go first, and everything else only after they are gone: they may need it until their end (KEP-5080). */
async function deleteAllContent(
  client: ControllerContext["client"],
  resources: ResourceSource,
  namespace: string,
  sinceMs: () => number,
  signal: AbortSignal,
): Promise<Outcome> {
  const remaining: Remaining[] = [];
  const failures: string[] = [];
  const empty = async (kind: Kind): Promise<void> => {
    try {
      const left = await deleteContent(client, kind, namespace, sinceMs, signal);
      remaining.push(left);
      if (isUnexpected(left)) fail(kind, unexpectedMessage(kind, namespace));
    } catch (err) {
      if (signal.aborted) throw err;
      fail(kind, messageOf(err));
    }
  };
  const fail = (kind: Kind, message: string): void => {
    const prefix = `failed to delete pods for namespace: ${namespace}, err: `;
    failures.push(kind.kind === "Pod" ? prefix + message : message);
  };
  await empty(Pods as Kind);
  if (remaining.some(({ objects }) => objects.length > 0)) return { remaining, failures };
  const others = resources
    .supporting("delete", "list")
    .filter((kind) => kind.scope === "Namespaced" && kind.kind !== "Pod");
  await forEachParallel(others, empty, RESOURCES_PARALLEL);
  return { remaining, failures };
}

async function deleteContent(
  client: ControllerContext["client"],
  kind: Kind,
  namespace: string,
  sinceMs: () => number,
  signal: AbortSignal,
): Promise<Remaining> {
  const list = async (): Promise<readonly KubeObject[]> =>
    (await listWhole(client, kind, { namespace }, signal)).items;
  const before = await list();
  if (before.length === 0) return { kind, objects: before, graceSeconds: 0 };
  const graceSeconds = graceLeft(kind, before, sinceMs());
  if (supports(kind, "deletecollection")) {
    await client.deleteCollection(kind, { namespace }, signal, { propagationPolicy: "Background" });
  } else {
    await forEachParallel(before, async ({ metadata }) => {
      await unlessGone(client.delete(kind, metadata, signal, { propagationPolicy: "Background" }));
    });
  }
  return { kind, objects: await list(), graceSeconds };
}

/** `spec.finalizers` can be changed only through this subresource. */
async function finalize(
  client: ControllerContext["client"],
  namespace: Namespace,
  signal: AbortSignal,
): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  const path = objectPath(Namespaces, namespace.metadata, "finalize");
  const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
  await unlessGone(client.transport.request({ method: "PUT", path, body }, signal));
}

function unexpectedMessage({ group, version, names }: Kind, namespace: string): string {
  return `unexpected items still remain in namespace: ${namespace} for gvr: ${group}/${version}, Resource=${names.plural}`;
}
