/**
 * Container events, whatever the runtime offers: CRI's GetContainerEvents where it exists (containerd ≥ 1.7),
 * else containerd's own event service on the same socket (1.6). Reconnects for as long as the caller listens.
 * @module
 */
import { type Clock, type Logger, pause } from "#apimachinery";
import type { ContainerEvent, ContainerEventType } from "../container.ts";
import { isRuntimeNotFound, isRuntimeUnimplemented } from "../errors.ts";
import type { RuntimeService } from "../runtime.ts";
import type { Connection } from "./connection.ts";
import { CONTAINERD_NAMESPACE } from "./content.ts";
import { queue, type Queue } from "../event-queue.ts";
import { decode } from "./wire/codec.ts";
import { containerdEvents, containerdTypes } from "./wire/containerd-tables.ts";
import { createSchema, type Schema } from "./wire/schema.ts";

const RECONNECT_DELAY_MS = 200;
/** After an exit, CRI's state follows containerd's event a little later; see `settle`. */
const SETTLE_STEP_MS = 10;
const SETTLE_STEPS_MAX = 200;
/** A subscription is not confirmed: one that has not failed by now stands, and what came before it may be missing. */
const SUBSCRIBED_AFTER_MS = 50;
/** A listener further behind gets a resync instead of the events it missed. */
const QUEUED_EVENTS_MAX = 4_096;

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
  const filters = Object.keys(TOPICS).map(
    (topic) => `namespace==${CONTAINERD_NAMESPACE},topic==${JSON.stringify(topic)}`,
  );
  const types = createSchema(containerdTypes);
  const settling = new Set<Promise<void>>();
  try {
    for await (const message of source.connection.serverStream(method, { filters }, { signal })) {
      const envelope = message as Envelope;
      const [name, type] = TOPICS[envelope.topic] ?? [];
      if (name === undefined || type === undefined || envelope.event === undefined) continue;
      const event = toContainerEvent(type, envelope, decode(types.message(name), envelope.event.value));
      if (event === undefined) continue;
      const done = settle(source, event, events, signal).finally(() => settling.delete(done));
      settling.add(done);
    }
  } finally {
    await Promise.all(settling);
  }
}

/** Undefined for the exit of a process that was only executed in a container. */
function toContainerEvent(
  type: ContainerEventType,
  envelope: Envelope,
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

/**
 * Hands the event on once CRI agrees with it. CRI hears of exits by the same events as we do, so a reader that
 * asks at once would see the state before, and with nothing to tell it to ask again.
 */
async function settle(
  source: EventSource,
  event: ContainerEvent,
  events: Queue<ContainerEvent | "resync">,
  signal: AbortSignal,
): Promise<void> {
  let settled = event;
  try {
    for (let step = 0; event.type === "CONTAINER_STOPPED_EVENT" && step < SETTLE_STEPS_MAX; step++) {
      const after = await readAfterExit(source, event, signal);
      if (after !== undefined) {
        settled = after;
        break;
      }
      await source.clock.sleep(SETTLE_STEP_MS, signal);
    }
  } catch (err) {
    // Whatever happened (it may be removed by now), whoever listens must look for itself.
    if (!isRuntimeNotFound(err)) source.logger.debug("Cannot read the state after an exit", { err });
  }
  events.push(settled);
}

/** Undefined while CRI still takes it for running. */
async function readAfterExit(
  { runtime }: EventSource,
  event: ContainerEvent,
  signal: AbortSignal,
): Promise<ContainerEvent | undefined> {
  try {
    const { status } = await runtime.containerStatus(event.containerId, {}, signal);
    return status.state === "CONTAINER_EXITED" ? { ...event, containersStatuses: [status] } : undefined;
  } catch (err) {
    if (!isRuntimeNotFound(err)) throw err;
    const { status } = await runtime.podSandboxStatus(event.containerId, {}, signal);
    return status.state === "SANDBOX_NOTREADY" ? { ...event, podSandboxStatus: status } : undefined;
  }
}
