/** Waiting for the state a test is about: by events, with an end. @module */
import { keyOf, type Clock, type Kind, type KubeObject } from "#apimachinery";
import type { InformerFactory, ObjectRef } from "#client";

export interface WaitOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** Of the last state that an error message shows. */
const STATE_LENGTH_MAX = 2_000;

export interface Waiting {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  /** Ends every wait: the cluster has closed or failed. */
  readonly signal: AbortSignal;
}

export async function waitFor<T extends KubeObject>(
  waiting: Waiting,
  kind: Kind<T>,
  ref: ObjectRef,
  fits: (object: T | undefined) => boolean,
  options: WaitOptions = {},
): Promise<T | undefined> {
  const { lister } = waiting.informers.informer(kind);
  const { namespace, name } = ref;
  const key = keyOf({ metadata: { name, ...(namespace !== undefined && { namespace }) } });
  const what = (): string => `${kind.kind} ${key}, last seen as ${stateOf(lister.get(key))}`;
  const read = (): { readonly object: T | undefined } | undefined => {
    const object = lister.get(key);
    return fits(object) ? { object } : undefined;
  };
  return (await until(waiting, what, [kind as unknown as Kind], read, options)).object;
}

export async function until<R>(
  { informers, clock, signal }: Waiting,
  what: () => string,
  kinds: readonly Kind[],
  read: () => R | undefined | false,
  { timeoutMs = TIMEOUT_MS }: WaitOptions = {},
): Promise<R> {
  signal.throwIfAborted();
  for (const kind of kinds) informers.informer(kind);
  informers.start(signal);
  await informers.waitForSync(signal);
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const look = (): void => {
    try {
      const value = read();
      if (value !== undefined && value !== false) resolve(value);
    } catch (err) {
      reject(err);
    }
  };
  const onAbort = (): void =>
    reject(new Error(`The cluster ended before: ${what()}`, { cause: signal.reason }));
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = clock.after(timeoutMs, () =>
    reject(new Error(`Waited ${timeoutMs} ms in vain for ${what()}`)),
  );
  const handler = { onAdd: look, onUpdate: look, onDelete: look };
  const removers = kinds.map((kind) => informers.informer(kind).addEventHandler(handler));
  look();
  try {
    return await promise;
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", onAbort);
    for (const remove of removers) remove();
  }
}

/** Without the fields that are long and tell nothing. */
function stateOf(object: KubeObject | undefined): string {
  if (object === undefined) return "absent";
  const { managedFields: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata }).slice(0, STATE_LENGTH_MAX);
}
