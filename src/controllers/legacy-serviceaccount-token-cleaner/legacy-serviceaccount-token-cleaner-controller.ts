/** Marks legacy tokens invalid that were not used for a year, and removes them a year later. @module */
import { isConflict, isNotFound, type Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Secret } from "#api/core/v1/types.gen";
import type { Controller, ControllerContext } from "#controller-runtime";
import { unlessGone } from "../unless-gone.ts";
import { dateOf, INVALID_SINCE_LABEL, isTrackedLongEnough, planToken } from "./plan.ts";

const TRACKING = { namespace: "kube-system", name: "kube-apiserver-legacy-service-account-token-tracking" };
/** Upstream's: tokens are looked at once a day. */
const INTERVAL_MS = 86_400_000;
/** `--legacy-service-account-token-clean-up-period`. */
const CLEAN_UP_PERIOD_MS = 365 * 86_400_000;

/** Safe on a stale cache: a Secret that changed meanwhile is neither marked nor removed. */
export function legacyServiceAccountTokenCleanerController(
  { client, clock, informers }: ControllerContext,
  cleanUpPeriodMs: number = CLEAN_UP_PERIOD_MS,
): Controller {
  const secrets = informers.lister(Secrets);
  const accounts = informers.lister(ServiceAccounts);
  const pods = informers.lister(Pods);
  const trackedSince = async (signal: AbortSignal): Promise<string> => {
    const found = await unlessGone(client.get(ConfigMaps, TRACKING, signal));
    return found?.data?.["since"] ?? "";
  };
  const act = async (secret: Secret, signal: AbortSignal): Promise<void> => {
    const { namespace = "", name, uid = "", resourceVersion, annotations = {} } = secret.metadata;
    const account = accounts.get(`${namespace}/${annotations["kubernetes.io/service-account.name"] ?? ""}`);
    const nowMs = clock.now();
    const action = planToken(secret, { nowMs, cleanUpPeriodMs, account, pods: pods.list(namespace) });
    if (action === "invalidate") {
      const body = { metadata: { uid, labels: { [INVALID_SINCE_LABEL]: dateOf(nowMs) } } };
      await client.patch(Secrets, { namespace, name }, { type: "merge", body }, signal);
    }
    if (action === "delete") {
      const preconditions = resourceVersion === undefined ? {} : { resourceVersion };
      await client.delete(Secrets, { namespace, name }, signal, { preconditions });
    }
  };
  return {
    name: "legacy-serviceaccount-token-cleaner-controller",
    reconciles: Secrets as Kind,
    async reconcile(key, signal) {
      const secret = secrets.get(key);
      if (secret?.type !== "kubernetes.io/service-account-token") return {};
      if (!isTrackedLongEnough(await trackedSince(signal), clock.now(), cleanUpPeriodMs))
        return { requeueAfterMs: INTERVAL_MS };
      await act(secret, signal).catch((err: unknown) => {
        if (!isConflict(err) && !isNotFound(err)) throw err;
      });
      return { requeueAfterMs: INTERVAL_MS };
    },
  };
}
