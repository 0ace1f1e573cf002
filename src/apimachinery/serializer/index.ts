/** From bytes to objects and back. @module */
export * from "./decode.ts";
export * from "./json.ts";
export * from "./protobuf/index.ts";
export { DecodeError } from "./scalars.ts";
export * from "./yaml.ts";
