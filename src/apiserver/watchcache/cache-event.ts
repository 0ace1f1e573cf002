/** A change of one object as watchers see it; its JSON line is made once and shared by all of them. @module */
import type { CachedObject } from "./cached-object.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED";

const NEWLINE_BRACE = Buffer.from("}\n");
const OPEN: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

export class CacheEvent {
  readonly type: EventType;
  readonly object: CachedObject;
  /** The state before; undefined on ADDED. */
  readonly previous: CachedObject | undefined;
  #item: { readonly type: "event"; readonly event: CacheEvent } | undefined;
  #line: Uint8Array | undefined;
  #frame: Uint8Array | undefined;
  /** Lines by event type, for watchers whose selector the object enters or leaves. */
  #transitions: Map<EventType, CacheEvent> | undefined;

  constructor(type: EventType, object: CachedObject, previous: CachedObject | undefined) {
    this.type = type;
    this.object = object;
    this.previous = previous;
  }

  /** What watchers queue: one for all of them. */
  get item(): { readonly type: "event"; readonly event: CacheEvent } {
    return (this.#item ??= { type: "event", event: this });
  }

  get revision(): number {
    return this.object.revision;
  }

  /** `{"type":…,"object":…}` and a newline. */
  get line(): Uint8Array {
    return (this.#line ??= eventLine(this.type, this.object.bytes));
  }

  /** The event as a frame of a protobuf watch, made once by whoever is first to need it. */
  frame(encode: () => Uint8Array): Uint8Array {
    return (this.#frame ??= encode());
  }

  /** This change as another type of event, shared by the watchers that need it. */
  as(type: EventType): CacheEvent {
    if (type === this.type) return this;
    this.#transitions ??= new Map();
    let event = this.#transitions.get(type);
    if (event === undefined) {
      // An object that leaves a selector is shown in its last state that matched, at the revision of the change.
      const shown = type === "DELETED" && this.previous !== undefined ? this.previous : this.object;
      const object = shown === this.object ? shown : shown.at(this.revision);
      event = new CacheEvent(type, object, this.previous);
      this.#transitions.set(type, event);
    }
    return event;
  }
}

export function eventLine(type: EventType, object: Uint8Array): Uint8Array {
  const open = OPEN[type];
  const out = Buffer.allocUnsafe(open.length + object.length + NEWLINE_BRACE.length);
  out.set(open, 0);
  out.set(object, open.length);
  out.set(NEWLINE_BRACE, open.length + object.length);
  return out;
}
