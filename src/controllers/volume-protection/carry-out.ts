/** Puts a protecting finalizer on an object, or takes it off. @module */
import type { Kind, KubeObject } from "#apimachinery";
import type { ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";

/** The write carries the resourceVersion of `object`. */
export async function carryOut<T extends KubeObject>(
  { client }: ControllerContext,
  kind: Kind<T>,
  object: T,
  finalizer: string,
  action: "add" | "remove" | "nothing",
  signal: AbortSignal,
): Promise<void> {
  if (action === "nothing") return;
  const others = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const finalizers = action === "add" ? [...others, finalizer] : others;
  await unlessGone(client.update(kind, { ...object, metadata: { ...object.metadata, finalizers } }, signal));
}
