/** Creating and deleting the pods of a controller, with the events that tell of it. @module */
import type { GroupVersionKind, KubeObject } from "#apimachinery";
import { isDns1123Subdomain, isNamespaceGone, isNotFound, messageOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodTemplateSpec } from "#api/core/v1/types.gen";
import type { ControllerContext } from "#controller-runtime";
import { newControllerRef } from "./controller-ref-manager.ts";

/** The pod that `owner` makes of its template; the API server completes its name. */
export function podFromTemplate(template: PodTemplateSpec, owner: KubeObject, kind: GroupVersionKind): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "",
      generateName: podsPrefix(owner.metadata.name),
      namespace: owner.metadata.namespace!,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(finalizers !== undefined && { finalizers }),
      ownerReferences: [newControllerRef(owner, kind)],
    },
    spec: template.spec!,
  };
}

/** The dash is left out where the API server would refuse the prefix with it. */
function podsPrefix(name: string): string {
  return isDns1123Subdomain(`${name}-x`).length === 0 ? `${name}-` : name;
}

export async function createPod(
  context: ControllerContext,
  pod: Pod,
  owner: KubeObject,
  signal: AbortSignal,
): Promise<Pod> {
  try {
    const created = await context.client.create(Pods, pod, signal);
    context.recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    return created;
  } catch (err) {
    // A namespace that goes refuses every creation: an event could not be written there either.
    if (!isNamespaceGone(err)) {
      context.recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(err)}`);
    }
    throw err;
  }
}

/** A pod that is gone already counts as deleted. */
export async function deletePod(
  context: ControllerContext,
  pod: Pod,
  owner: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const preconditions = pod.metadata.uid === undefined ? {} : { preconditions: { uid: pod.metadata.uid } };
  try {
    await context.client.delete(Pods, pod.metadata, signal, preconditions);
  } catch (err) {
    if (isNotFound(err)) return;
    context.recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(err)}`);
    throw err;
  }
  context.recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
}
