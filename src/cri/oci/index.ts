/** Images as files: references, archives, their parts. @module */
export * from "./archive-writer.ts";
export * from "./image.ts";
export * from "./reference.ts";
export * from "./archive-reader.ts";
