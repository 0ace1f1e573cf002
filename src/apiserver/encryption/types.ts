/** EncryptionConfiguration of apiserver.config.k8s.io/v1, and the schema that its file is decoded with. @module */
import type { Schema, StructSchema } from "#apimachinery";
import { listOf, STRING, struct } from "../config-schema.ts";

export interface Key {
  readonly name?: string;
  /** base64. */
  readonly secret?: string;
}

export interface KeysConfiguration {
  readonly keys?: readonly Key[];
}

export interface KMSConfiguration {
  readonly apiVersion?: string;
  readonly name?: string;
  readonly cachesize?: number;
  readonly endpoint?: string;
  readonly timeout?: string;
}

export interface ProviderConfiguration {
  readonly aesgcm?: KeysConfiguration;
  readonly aescbc?: KeysConfiguration;
  readonly secretbox?: KeysConfiguration;
  readonly identity?: object;
  readonly kms?: KMSConfiguration;
}

export interface ResourceConfiguration {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources?: readonly string[];
  /** The first one writes; all of them read. */
  readonly providers?: readonly ProviderConfiguration[];
}

export interface EncryptionConfiguration {
  readonly resources?: readonly ResourceConfiguration[];
}

const KEYS = struct("KeysConfiguration", {
  keys: listOf(struct("Key", { name: STRING, secret: STRING })),
});
const INT: Schema = { type: "scalar", scalar: "int32" };
const PROVIDER = struct("ProviderConfiguration", {
  aesgcm: KEYS,
  aescbc: KEYS,
  secretbox: KEYS,
  identity: struct("IdentityConfiguration", {}),
  kms: struct("KMSConfiguration", {
    apiVersion: STRING,
    name: STRING,
    cachesize: INT,
    endpoint: STRING,
    timeout: STRING,
  }),
});

export const ENCRYPTION_SCHEMA: StructSchema = struct("EncryptionConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  resources: listOf(
    struct("ResourceConfiguration", { resources: listOf(STRING), providers: listOf(PROVIDER) }),
  ),
});
