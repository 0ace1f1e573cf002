/** Watches of the kinds that come and go with CustomResourceDefinitions. @module */
import { untilAborted, type Kind, type KubeObject, type ObjectKey } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import type { Lister } from "#client";
import { metadataKind, newInformerFactory, newMetadataClient } from "#client";
import type { ControllerContext } from "#controller-runtime";
import { customKindsOf } from "./custom-kinds.ts";

type Change = "add" | "update" | "delete";
/** Takes a change in, and says what is to be looked at. */
type Observe = (kind: Kind, object: KubeObject, change: Change) => readonly ObjectKey[];

export interface MonitorEvents {
  /** The lister holds the objects of the kind; they are metadata only. */
  readonly synced: (kind: Kind, lister: Lister<KubeObject>) => readonly ObjectKey[];
  /** The lister is followed no more. */
  readonly stopped: (kind: Kind) => void;
}

interface Monitor {
  readonly kind: Kind;
  /** Another one means another watch. */
  readonly version: string;
  readonly stop: AbortController;
  readonly lister: Lister<KubeObject>;
  readonly stopped: Promise<void>;
}

/** Bounded by the definitions: one watch for each. Runs until `signal` aborts. */
export async function watchCustomKinds(
  { informers, client, clock, logger }: ControllerContext,
  observe: Observe,
  enqueue: (key: ObjectKey) => void,
  signal: AbortSignal,
  events?: MonitorEvents,
): Promise<void> {
  const monitors = new Map<string, Monitor>();
  const metadata = newMetadataClient(client.transport);

  const start = (kind: Kind): Monitor => {
    const stop = new AbortController();
    const factory = newInformerFactory({ client: metadata, clock, logger });
    const tell = (change: Change) => (object: KubeObject) => observe(kind, object, change).forEach(enqueue);
    const informer = factory.informer(metadataKind(kind));
    informer.addEventHandler({ onAdd: tell("add"), onUpdate: tell("update"), onDelete: tell("delete") });
    const until = AbortSignal.any([signal, stop.signal]);
    factory.start(until);
    const announce = async (): Promise<void> => {
      try {
        await factory.waitForSync(until);
      } catch (err) {
        if (until.aborted) return;
        throw err;
      }
      if (!until.aborted) events?.synced(kind, informer.lister).forEach(enqueue);
    };
    const stopped = Promise.all([factory.stopped(), announce()]).then(() => {});
    return { kind, version: kind.version, stop, lister: informer.lister, stopped };
  };
  const follow = (object: CustomResourceDefinition, change: Change): void => {
    const { name } = object.metadata;
    const kind = change === "delete" ? undefined : customKindsOf(object)[0];
    const running = monitors.get(name);
    if (running?.version === kind?.version) return;
    running?.stop.abort();
    if (running !== undefined) events?.stopped(running.kind);
    if (running !== undefined && change === "delete") {
      // A definition goes after its objects; their ends may not have been shown before the watch was stopped.
      for (const last of running.lister.list()) observe(running.kind, last, "delete").forEach(enqueue);
    }
    if (kind === undefined) monitors.delete(name);
    else monitors.set(name, start(kind));
  };
  const remove = informers.informer(CustomResourceDefinitions).addEventHandler({
    onAdd: (crd) => follow(crd, "add"),
    onUpdate: (crd) => follow(crd, "update"),
    onDelete: (crd) => follow(crd, "delete"),
  });
  await untilAborted(signal);
  remove();
  await Promise.all(Array.from(monitors.values(), ({ stopped }) => stopped));
}
