/**
 * Container events, whatever the runtime offers: CRI's GetContainerEvents where it exists (containerd ≥ 1.7),
 * else containerd's own event service on the same socket (1.6). Reconnects for as long as the caller listens.
 * @module
 */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { ContainerEvent, ContainerEventType } from "../container.ts";
import { isRuntimeUnimplemented } from "../errors.ts";
import type { RuntimeService } from "../runtime.ts";
import type { Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE } from "./content.ts";
import { queue, type Queue } from "../event-queue.ts";
import { decode } from "./wire/codec.ts";
import { containerdEvents, containerdTypes } from "./wire/containerd-tables.ts";
import { SettlingExit } from "./settling-exit.ts";
import { createSchema, type Schema } from "./wire/schema.ts";

const RECONNECT_DELAY_MS = 200;
/** A subscription is not confirmed: one that has not failed by now stands, and what came before it may be missing. */
const SUBSCRIBED_AFTER_MS = 50;
/** A listener further behind gets a resync instead of the events it missed. */
const QUEUED_EVENTS_MAX = 4_096;

const TASK_DELETE = "/tasks/delete";
const TOPICS: Readonly<Record<string, readonly [message: string, type: ContainerEventType]>> = {
  "/containers/create": ["ContainerCreate", "CONTAINER_CREATED_EVENT"],
  "/containers/delete": ["ContainerDelete", "CONTAINER_DELETED_EVENT"],
  "/tasks/start": ["TaskStart", "CONTAINER_STARTED_EVENT"],
  "/tasks/exit": ["TaskExit", "CONTAINER_STOPPED_EVENT"],
};

export interface EventSource {
  readonly connection: Connection;
  /** CRI's. */
  readonly schema: Schema;
  readonly runtime: Pick<RuntimeService, "containerStatus" | "podSandboxStatus">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function* containerEvents(
  source: EventSource,
  signal: AbortSignal,
): AsyncIterable<ContainerEvent | "resync"> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const events = queue<ContainerEvent | "resync">(QUEUED_EVENTS_MAX, "resync");
  const reading = readForever(source, events, ended);
  try {
    yield* events.drain(ended);
  } finally {
    stop.abort();
    await reading;
  }
}

async function readForever(
  source: EventSource,
  events: Queue<ContainerEvent | "resync">,
  signal: AbortSignal,
): Promise<void> {
  let read = readCriEvents;
  while (!signal.aborted) {
    const resync = source.clock.after(SUBSCRIBED_AFTER_MS, () => events.push("resync"));
    try {
      await read(source, events, signal);
    } catch (err) {
      if (signal.aborted) return;
      if (isRuntimeUnimplemented(err) && read === readCriEvents) {
        read = readContainerdEvents;
        continue;
      }
      source.logger.debug("The runtime's event stream ended", { err });
    } finally {
      resync.cancel();
    }
    await pause(source.clock, RECONNECT_DELAY_MS, signal);
    // Who answers next may be another version.
    read = readCriEvents;
  }
}

interface CriEvent extends Omit<ContainerEvent, "type"> {
  readonly containerEventType: ContainerEventType;
}

async function readCriEvents(
  { connection, schema }: EventSource,
  events: Queue<ContainerEvent | "resync">,
  signal: AbortSignal,
): Promise<void> {
  const method = schema.method("RuntimeService", "GetContainerEvents");
  for await (const message of connection.serverStream(method, {}, { signal })) {
    const { containerEventType, ...event } = message as CriEvent;
    events.push({ ...event, type: containerEventType });
  }
}

interface Envelope {
  readonly timestamp?: { readonly seconds: number; readonly nanos: number };
  readonly topic: string;
  readonly event?: { readonly value: Uint8Array };
}

async function readContainerdEvents(
  source: EventSource,
  events: Queue<ContainerEvent | "resync">,
  signal: AbortSignal,
): Promise<void> {
  const method = createSchema(containerdEvents).method("Events", "Subscribe");
  const filters = [...Object.keys(TOPICS), TASK_DELETE].map(
    (topic) => `namespace==${CONTAINERD_NAMESPACE},topic==${JSON.stringify(topic)}`,
  );
  const types = createSchema(containerdTypes);
  const exits = new Map<SettlingExit, Promise<void>>();
  try {
    for await (const message of source.connection.serverStream(method, { filters }, { signal })) {
      const { topic, event: payload, ...envelope } = message as Envelope;
      if (payload === undefined) continue;
      if (topic === TASK_DELETE) {
        const deleted = decode(types.message("TaskDelete"), payload.value) as TaskDelete;
        if ((deleted.id ?? "") === "" || deleted.id === deleted.containerId)
          for (const exit of exits.keys()) exit.deleted(deleted.containerId ?? "");
        continue;
      }
      const [name, type] = TOPICS[topic] ?? [];
      if (name === undefined || type === undefined) continue;
      const event = toContainerEvent(type, envelope, decode(types.message(name), payload.value));
      if (event === undefined) continue;
      if (type !== "CONTAINER_STOPPED_EVENT") {
        events.push(event);
        continue;
      }
      const exit = new SettlingExit(source, event);
      const push = (settled: ContainerEvent): void => events.push(settled);
      exits.set(
        exit,
        exit
          .settle(signal)
          .then(push)
          .finally(() => exits.delete(exit)),
      );
    }
  } finally {
    await Promise.all(exits.values());
  }
}

/** `id` is of a process executed in the container. */
interface TaskDelete {
  readonly containerId?: string;
  readonly id?: string;
}

/** Undefined for the exit of a process that was only executed in a container. */
function toContainerEvent(
  type: ContainerEventType,
  envelope: Pick<Envelope, "timestamp">,
  payload: object,
): ContainerEvent | undefined {
  const { containerId, id } = payload as { containerId?: string; id?: string };
  if (type === "CONTAINER_STOPPED_EVENT" && id !== containerId) return undefined;
  const { seconds = 0, nanos = 0 } = envelope.timestamp ?? {};
  return {
    containerId: containerId ?? id ?? "",
    type,
    createdAt: BigInt(seconds) * 1_000_000_000n + BigInt(nanos),
    containersStatuses: [],
  };
}
