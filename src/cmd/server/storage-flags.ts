/** What becomes of stored objects: `--etcd-compaction-interval` and `--encryption-provider-config*`. @module */
import type { Command } from "commander";
import type { ApiServerOptions } from "#apiserver";
import { bool, durationMs } from "../flag-values.ts";

export interface StorageFlags {
  readonly etcdCompactionInterval?: number;
  readonly encryptionProviderConfig?: string;
  readonly encryptionProviderConfigAutomaticReload?: boolean;
}

export function addStorageFlags(command: Command): void {
  command
    .option(
      "--etcd-compaction-interval <duration>",
      "how often the store forgets old revisions; 0: never (default 5m0s)",
      durationMs,
    )
    .option(
      "--encryption-provider-config <path>",
      "an EncryptionConfiguration: how which resources are encrypted",
    )
    .option(
      "--encryption-provider-config-automatic-reload [bool]",
      "read the file of --encryption-provider-config again when it changes",
      bool,
    );
}

/** Throws what is wrong with the flags. */
export function storageOptions({
  etcdCompactionInterval,
  encryptionProviderConfig: configFile,
  encryptionProviderConfigAutomaticReload: automaticReload = false,
}: StorageFlags): Pick<ApiServerOptions, "compactionIntervalMs" | "encryption"> {
  if (automaticReload && configFile === undefined) {
    throw new Error(
      "--encryption-provider-config-automatic-reload must be set with --encryption-provider-config",
    );
  }
  return {
    ...(etcdCompactionInterval !== undefined && { compactionIntervalMs: etcdCompactionInterval }),
    ...(configFile !== undefined && { encryption: { configFile, automaticReload } }),
  };
}
