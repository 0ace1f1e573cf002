/** Encryption at rest as the server runs it: a configuration, read again when its file changes. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Store } from "#storage";
import { serverName } from "../identity/server-name.ts";
import { EncryptedStore } from "./encrypted-store.ts";
import { loadEncryption, type LoadedEncryption } from "./load.ts";
import { TransformationMetrics } from "./metrics.ts";
import { resourceTransformers } from "./resource-transformers.ts";

export interface EncryptionOptions {
  /** An EncryptionConfiguration. */
  readonly configFile: string;
  /** Reads the file again when it changes. Default false. */
  readonly automaticReload?: boolean;
}

export interface EncryptionParts {
  readonly store: Store;
  readonly hostname: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Upstream's EncryptionConfigFileChangePollDuration. */
const POLL_MS = 60_000;

export class Encryption {
  readonly store: EncryptedStore;
  readonly metrics: TransformationMetrics;
  readonly #options: EncryptionOptions;
  readonly #parts: EncryptionParts;
  #hash: string;

  private constructor(
    options: EncryptionOptions,
    parts: EncryptionParts,
    metrics: TransformationMetrics,
    loaded: LoadedEncryption,
  ) {
    this.#options = options;
    this.#parts = parts;
    this.metrics = metrics;
    this.#hash = loaded.hash;
    this.store = new EncryptedStore(parts.store, resourceTransformers(loaded.configuration, metrics));
  }

  /** Throws what is wrong with the configuration. */
  static async open(options: EncryptionOptions, parts: EncryptionParts): Promise<Encryption> {
    const id = parts.hostname === undefined ? "" : serverName(parts.hostname);
    const metrics = new TransformationMetrics(parts.clock, id);
    const loaded = await loadEncryption(options.configFile, options.automaticReload ?? false);
    return new Encryption(options, parts, metrics, loaded);
  }

  /** Looks at the file every minute until `signal` aborts, if it was asked to; `onChange` is told of another content. */
  follow(onChange: () => Promise<void>, signal: AbortSignal): void {
    if (this.#options.automaticReload !== true) return;
    const again = (): void => {
      this.#parts.clock.after(POLL_MS, () => {
        if (signal.aborted) return;
        void this.#reload(onChange).finally(again);
      });
    };
    again();
  }

  /** A bad file changes nothing: the configuration of before goes on. */
  async #reload(onChange: () => Promise<void>): Promise<void> {
    const { configFile } = this.#options;
    const { logger } = this.#parts;
    try {
      const { configuration, hash } = await loadEncryption(configFile, true);
      if (hash === this.#hash) return;
      this.store.use(resourceTransformers(configuration, this.metrics));
      this.#hash = hash;
      await onChange();
      this.metrics.reloaded("success");
      logger.info("Loaded new encryption config content", { configFile });
    } catch (err) {
      this.metrics.reloaded("failure");
      logger.error("Error processing encryption config file", { configFile, err });
    }
  }
}
