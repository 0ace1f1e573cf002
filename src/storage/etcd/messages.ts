/** The messages of etcd's v3 API that we speak: name → field → [number, type], `repeated` where it is a list. @module */
import { Field, Root, Type } from "protobufjs";

type FieldFacts = readonly [number, string] | readonly [number, string, "repeated"];

/** Enums travel as int32; members of a oneof are fields like others, of which a sender sets one. */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, FieldFacts>>>> = {
  ResponseHeader: { clusterId: [1, "uint64"], memberId: [2, "uint64"], revision: [3, "int64"] },
  KeyValue: {
    key: [1, "bytes"],
    createRevision: [2, "int64"],
    modRevision: [3, "int64"],
    version: [4, "int64"],
    value: [5, "bytes"],
  },
  RangeRequest: {
    key: [1, "bytes"],
    rangeEnd: [2, "bytes"],
    limit: [3, "int64"],
    revision: [4, "int64"],
    keysOnly: [8, "bool"],
    countOnly: [9, "bool"],
  },
  RangeResponse: {
    header: [1, "ResponseHeader"],
    kvs: [2, "KeyValue", "repeated"],
    more: [3, "bool"],
    count: [4, "int64"],
  },
  PutRequest: { key: [1, "bytes"], value: [2, "bytes"] },
  DeleteRangeRequest: { key: [1, "bytes"] },
  RequestOp: {
    requestRange: [1, "RangeRequest"],
    requestPut: [2, "PutRequest"],
    requestDeleteRange: [3, "DeleteRangeRequest"],
  },
  ResponseOp: { responseRange: [1, "RangeResponse"] },
  Compare: {
    result: [1, "int32"],
    target: [2, "int32"],
    key: [3, "bytes"],
    modRevision: [6, "int64"],
  },
  TxnRequest: {
    compare: [1, "Compare", "repeated"],
    success: [2, "RequestOp", "repeated"],
    failure: [3, "RequestOp", "repeated"],
  },
  TxnResponse: {
    header: [1, "ResponseHeader"],
    succeeded: [2, "bool"],
    responses: [3, "ResponseOp", "repeated"],
  },
  CompactionRequest: { revision: [1, "int64"], physical: [2, "bool"] },
  CompactionResponse: { header: [1, "ResponseHeader"] },
  WatchCreateRequest: {
    key: [1, "bytes"],
    rangeEnd: [2, "bytes"],
    startRevision: [3, "int64"],
    progressNotify: [4, "bool"],
    prevKv: [6, "bool"],
    fragment: [8, "bool"],
  },
  WatchProgressRequest: {},
  WatchRequest: { createRequest: [1, "WatchCreateRequest"], progressRequest: [3, "WatchProgressRequest"] },
  Event: { type: [1, "int32"], kv: [2, "KeyValue"], prevKv: [3, "KeyValue"] },
  WatchResponse: {
    header: [1, "ResponseHeader"],
    watchId: [2, "int64"],
    created: [3, "bool"],
    canceled: [4, "bool"],
    compactRevision: [5, "int64"],
    cancelReason: [6, "string"],
    fragment: [7, "bool"],
    events: [11, "Event", "repeated"],
  },
  StatusRequest: {},
  StatusResponse: { header: [1, "ResponseHeader"], version: [2, "string"], dbSize: [3, "int64"] },
};

export interface Codec {
  readonly encode: (message: object) => Buffer;
  readonly decode: (bytes: Buffer) => unknown;
}

const EQUAL = 0;
const MOD = 2;
export const EVENT_DELETE = 1;

/** The comparison that makes a write conditional. */
export function modRevisionIs(key: Buffer, modRevision: number): object {
  return { result: EQUAL, target: MOD, key, modRevision };
}

let root: Root | undefined;

/** Built on first use: nothing happens on import. */
export function codec(name: keyof typeof MESSAGES): Codec {
  root ??= build();
  const type = root.lookupType(name);
  return {
    encode: (message) => Buffer.from(type.encode(message).finish()),
    decode: (bytes) => type.toObject(type.decode(bytes), { longs: Number, defaults: true }),
  };
}

function build(): Root {
  const built = new Root();
  for (const [name, fields] of Object.entries(MESSAGES)) {
    const type = new Type(name);
    for (const [field, [number, fieldType, rule]] of Object.entries(fields))
      type.add(new Field(field, number, fieldType, rule));
    built.add(type);
  }
  return built.resolveAll() as Root;
}
