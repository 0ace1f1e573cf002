/** A change of one object as watchers see it; its JSON line is made once and shared by all who are told in time. @module */
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
    return (this.#line ??= lineOf(this.type, this.object));
  }

  /** The event as a frame of a protobuf watch, made once by whoever is first to need it. */
  frame(encode: () => Uint8Array): Uint8Array {
    return (this.#frame ??= encode());
  }

  /** Those who watch have been told: whoever asks later has it made anew. */
  forgetLines(): void {
    this.#line = undefined;
    this.#frame = undefined;
    this.#transitions = undefined;
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

/** The line of an object in another form than it is stored in. */
export function eventLine(type: EventType, object: Uint8Array): Uint8Array {
  const out = lineFor(type, object.length);
  out.set(object, OPEN[type].length);
  return out;
}

function lineOf(type: EventType, object: CachedObject): Uint8Array {
  const out = lineFor(type, object.byteLength);
  object.writeBytes(out, OPEN[type].length);
  return out;
}

/** With room for the object. */
function lineFor(type: EventType, length: number): Uint8Array {
  const open = OPEN[type];
  const out = Buffer.allocUnsafe(open.length + length + NEWLINE_BRACE.length);
  out.set(open, 0);
  out.set(NEWLINE_BRACE, open.length + length);
  return out;
}
