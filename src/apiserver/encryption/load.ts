/** Reads `--encryption-provider-config`. @module */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseConfig } from "#component-base";
import { ENCRYPTION_SCHEMA, type EncryptionConfiguration } from "./types.ts";
import { validateEncryptionConfiguration } from "./validate.ts";

export interface LoadedEncryption {
  readonly configuration: EncryptionConfiguration;
  /** Of the file's bytes. */
  readonly hash: string;
}

/** Throws what is wrong with the file; secrets are not named. */
export async function loadEncryption(path: string, reload: boolean): Promise<LoadedEncryption> {
  const text = await read(path);
  const configuration = parseConfig<EncryptionConfiguration>(text, path, {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    schema: ENCRYPTION_SCHEMA,
    defaults: (config) => config,
    validate: (config) => validateEncryptionConfiguration(config, reload),
  });
  return { configuration, hash: createHash("sha256").update(text).digest("hex") };
}

async function read(path: string): Promise<string> {
  const quoted = JSON.stringify(path);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`error reading encryption provider configuration file ${quoted}: ${String(cause)}`, {
      cause,
    });
  }
  if (text === "") throw new Error(`encryption provider configuration file ${quoted} is empty`);
  return text;
}
