/** Certificates, keys and their files. @module */
export * from "./bare-request.ts";
export * from "./certificate-info.ts";
export * from "./certificates.ts";
export { pathLengthOf } from "./constraints.ts";
export * from "./files.ts";
export { generateKeyPair, privateKeyFromPem, privateKeyToPem, publicKeyToPem, type KeyPair } from "./keys.ts";
export { certificateBlocks } from "./pem.ts";
export * from "./renew.ts";
export * from "./service-account-key.ts";
export * from "./sign-request.ts";
export * from "./subordinate-authority.ts";
