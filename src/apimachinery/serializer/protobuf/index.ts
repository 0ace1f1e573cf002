/** The protobuf encoding of the API. @module */
export * from "./envelope.ts";
export { decodeMessage } from "./decode.ts";
export { encodeMessage } from "./encode.ts";
export { ProtobufError } from "./reader.ts";
