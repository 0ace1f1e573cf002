/** Keeps the ConfigMap by which other API servers learn whom to believe; upstream's cluster authentication trust controller. @module */
import { X509Certificate } from "node:crypto";
import type { Clock, KubeObject, Logger } from "#apimachinery";
import type { ConfigMap } from "#api/core/v1/types.gen";
import { systemContext } from "../bootstrap/bootstrap.ts";
import type { ApiServerOptions } from "../options.ts";
import type { Registry } from "../registry/registry.ts";
import { planAuthenticationConfig, type AuthenticationFacts } from "./plan-authentication-config.ts";

const NAMESPACE = "kube-system";
const NAME = "extension-apiserver-authentication";
const CHECK_INTERVAL_MS = 60_000;

export interface AuthenticationConfigOptions {
  readonly options: Pick<ApiServerOptions, "tls" | "requestHeader">;
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class AuthenticationConfig {
  readonly #options: AuthenticationConfigOptions;

  constructor(given: AuthenticationConfigOptions) {
    this.#options = given;
  }

  /** As the options have them at the moment: authorities may change. */
  get #facts(): AuthenticationFacts {
    const { options, clock } = this.#options;
    return {
      clientCa: options.tls?.clientCa,
      requestHeader: options.requestHeader,
      isExpired: (pem) => new X509Certificate(pem).validToDate.getTime() < clock.now(),
    };
  }

  /** Writes it, and looks after it from then on. A server that verifies no certificates has nothing to say. */
  async start(): Promise<void> {
    const { clientCa, requestHeader } = this.#facts;
    if (clientCa === undefined && requestHeader === undefined) return;
    await this.#write();
    this.#schedule();
  }

  #schedule(): void {
    const { clock, logger, signal } = this.#options;
    clock.after(CHECK_INTERVAL_MS, () => {
      if (signal.aborted) return;
      void this.#write()
        .catch((err: unknown) => {
          if (!signal.aborted) logger.warn(`ConfigMap ${NAME} could not be written`, { err });
        })
        .finally(() => this.#schedule());
    });
  }

  async #write(): Promise<void> {
    const { registry, signal } = this.#options;
    const store = registry().findStore("core/configmaps");
    if (store === undefined) return;
    const transform = (stored: KubeObject | undefined): KubeObject => {
      const known = stored as ConfigMap | undefined;
      const object: ConfigMap = {
        ...(known ?? { apiVersion: "v1", kind: "ConfigMap", metadata: { name: NAME, namespace: NAMESPACE } }),
        data: planAuthenticationConfig(known?.data ?? {}, this.#facts),
      };
      return object;
    };
    await store.update(
      NAMESPACE,
      NAME,
      { subresource: "", mayCreate: true, transform },
      systemContext(signal),
    );
  }
}
