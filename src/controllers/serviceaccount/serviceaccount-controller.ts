/** Gives every namespace its default ServiceAccount. @module */
import type { Kind } from "#apimachinery";
import { isAlreadyExists, isNamespaceGone, isNotFound } from "#apimachinery";
import { Namespaces } from "#api/core/v1/namespace";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { DEFAULT_SERVICE_ACCOUNT, plan } from "./plan.ts";

/** Safe on a stale cache: the name is fixed, so a second creation is refused. */
export function serviceAccountController({ client, informers }: ControllerContext): Controller {
  const namespaces = informers.lister(Namespaces);
  const accounts = informers.lister(ServiceAccounts);
  return {
    name: "serviceaccount-controller",
    eventSource: "serviceaccount-controller",
    reconciles: Namespaces as Kind,
    watches: [
      source(ServiceAccounts, ({ metadata }, _old, change) =>
        change === "delete" && metadata.name === DEFAULT_SERVICE_ACCOUNT ? [metadata.namespace!] : [],
      ),
    ],
    workers: 5,
    async reconcile(key, signal) {
      const namespace = namespaces.get(key);
      if (namespace === undefined) return {};
      const existing = accounts.get(`${key}/${DEFAULT_SERVICE_ACCOUNT}`);
      const names = new Set(existing === undefined ? [] : [existing.metadata.name]);
      for (const account of plan(namespace, names)) {
        await client.create(ServiceAccounts, account, signal).catch(ignoreRefusals);
      }
      return {};
    },
  };
}

/** The namespace may be on its way out, or the account on its way in. */
export function ignoreRefusals(err: unknown): void {
  if (!isAlreadyExists(err) && !isNotFound(err) && !isNamespaceGone(err)) throw err;
}
