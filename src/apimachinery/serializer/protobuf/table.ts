/** The protobuf messages of a schema: numbers to fields, both ways, with the messages that JSON inlines. @module */
import type { Field, StructSchema } from "../../schema.ts";

/** What stands under a number: a field, or a message whose fields JSON shows one level higher. */
export type Slot = { readonly field: Field } | { readonly inlined: Message };

export interface Message {
  readonly slots: ReadonlyMap<number, Slot>;
  /** Numbers from the highest to the lowest: the order of writing, which goes backwards. */
  readonly descending: readonly number[];
}

const messages = new WeakMap<StructSchema, Message>();

export function messageOf(schema: StructSchema): Message {
  let message = messages.get(schema);
  if (message === undefined) messages.set(schema, (message = build([...schema.fields.values()], 0)));
  return message;
}

/** `depth`: how many messages the fields are already inside of. */
function build(fields: readonly Field[], depth: number): Message {
  const known = fields.filter((field) => field.protobuf !== undefined && field.protobuf.length > depth);
  const byNumber = Map.groupBy(known, (field) => field.protobuf![depth]!);
  const slots = new Map<number, Slot>();
  for (const [number, group] of byNumber) {
    const only = group.find((field) => field.protobuf!.length === depth + 1);
    slots.set(number, only === undefined ? { inlined: build(group, depth + 1) } : { field: only });
  }
  return { slots, descending: [...slots.keys()].toSorted((a, b) => b - a) };
}
