/** Publishes the cluster's root certificates in every namespace, where pods find them. @module */
import type { Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ignoreRefusals } from "../serviceaccount/serviceaccount-controller.ts";
import { plan, ROOT_CA_CONFIG_MAP } from "./plan.ts";

/** Safe on a stale cache: the name is fixed, and updates carry the resourceVersion they were decided on. */
export function rootCACertificatePublisherController(
  { client, informers }: ControllerContext,
  rootCA: string,
): Controller {
  const namespaces = informers.lister(Namespaces);
  const configMaps = informers.lister(ConfigMaps);
  return {
    name: "root-ca-certificate-publisher-controller",
    eventSource: "root-ca-certificate-publisher-controller",
    reconciles: Namespaces as Kind,
    watches: [
      source(ConfigMaps, ({ metadata }, _old, change) =>
        change !== "add" && metadata.name === ROOT_CA_CONFIG_MAP ? [metadata.namespace!] : [],
      ),
    ],
    workers: 5,
    async reconcile(key, signal) {
      const namespace = namespaces.get(key);
      if (namespace === undefined) return {};
      const action = plan(namespace, configMaps.get(`${key}/${ROOT_CA_CONFIG_MAP}`), rootCA);
      if (action.type === "create")
        await client.create(ConfigMaps, action.configMap, signal).catch(ignoreRefusals);
      if (action.type === "update") await client.update(ConfigMaps, action.configMap, signal);
      return {};
    },
  };
}
