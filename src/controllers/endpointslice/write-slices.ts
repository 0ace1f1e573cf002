/** Carrying out a plan for EndpointSlices. @module */
import type { ObjectKey } from "#apimachinery";
import { isNamespaceGone, isNotFound } from "#apimachinery";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import type { Client } from "#client";
import type { OwnWrites } from "../own-writes.ts";
import type { SliceChanges } from "./merge.ts";
import type { SliceMetrics } from "./metrics.ts";

/** New endpoints come before old ones go. A namespace that is being deleted gets nothing new, and that is no error. */
export async function writeSlices(
  client: Client,
  ownWrites: OwnWrites,
  owner: ObjectKey,
  { create, update, remove }: SliceChanges,
  signal: AbortSignal,
  metrics?: SliceMetrics,
): Promise<void> {
  for (const slice of create) {
    try {
      ownWrites.created(owner, await client.create(EndpointSlices, slice, signal));
      metrics?.changed("create");
    } catch (err) {
      if (isNamespaceGone(err)) return;
      throw err;
    }
  }
  for (const slice of update) {
    await client.update(EndpointSlices, slice, signal);
    metrics?.changed("update");
  }
  for (const slice of remove) {
    try {
      await client.delete(EndpointSlices, slice.metadata, signal, {
        preconditions: { uid: slice.metadata.uid! },
      });
      ownWrites.deleted(owner, slice);
      metrics?.changed("delete");
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
