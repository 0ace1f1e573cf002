/** Signs the ConfigMap `cluster-info` with every bootstrap token, so that who has one can trust what it says. @module */
import type { Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Secrets } from "#api/core/v1/secret";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { signClusterInfo } from "./sign-cluster-info.ts";
import { leftMs, signingToken, TOKEN_NAMESPACE, TOKEN_TYPE } from "./token-secret.ts";

const KEY = "kube-public/cluster-info";

/** Safe on a stale cache: signatures are a function of both objects, and updates carry the resourceVersion. */
export function bootstrapSignerController({ client, clock, informers }: ControllerContext): Controller {
  const configMaps = informers.lister(ConfigMaps);
  const secrets = informers.lister(Secrets);
  return {
    name: "bootstrap-signer-controller",
    reconciles: ConfigMaps as Kind,
    watches: [
      source(Secrets, ({ metadata, type }) =>
        type === TOKEN_TYPE && metadata.namespace === TOKEN_NAMESPACE ? [KEY] : [],
      ),
    ],
    workers: 1,
    async reconcile(key, signal) {
      const configMap = key === KEY ? configMaps.get(key) : undefined;
      if (configMap === undefined) return {};
      const now = clock.now();
      const all = secrets.list(TOKEN_NAMESPACE);
      const tokens = all.map((secret) => signingToken(secret, now)).filter((token) => token !== undefined);
      const signed = signClusterInfo(configMap, tokens);
      if (signed !== undefined) await unlessGone(client.update(ConfigMaps, signed, signal));
      const ends = all
        .filter((secret) => signingToken(secret, now) !== undefined)
        .map((secret) => leftMs(secret, now))
        .filter((left) => left !== undefined);
      return ends.length === 0 ? {} : { requeueAfterMs: Math.min(...ends) + 1 };
    },
  };
}
