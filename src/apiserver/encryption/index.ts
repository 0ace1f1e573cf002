/** Encryption at rest. @module */
export { Encryption, type EncryptionOptions } from "./encryption.ts";
