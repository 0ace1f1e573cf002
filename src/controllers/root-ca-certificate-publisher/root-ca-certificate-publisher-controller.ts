/** Publishes the cluster's root certificates in every namespace, where pods find them. @module */
import type { Kind } from "#apimachinery";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Namespaces } from "#api/core/v1/namespace";
import type { Controller, ControllerContext } from "#controller-runtime";
import { source } from "#controller-runtime";
import { measuredSync } from "../measured-sync.ts";
import { ignoreRefusals } from "../serviceaccount/serviceaccount-controller.ts";
import { followRootCA, liveRootCA, type RootCA } from "../root-ca.ts";
import { plan, ROOT_CA_CONFIG_MAP } from "./plan.ts";

/** Safe on a stale cache: the name is fixed, and updates carry the resourceVersion they were decided on. */
export function rootCACertificatePublisherController(context: ControllerContext, rootCA: RootCA): Controller {
  const { client, informers } = context;
  const live = liveRootCA(rootCA);
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
    background: (enqueue, signal) =>
      followRootCA(live, () => namespaces.list().forEach(({ metadata }) => enqueue(metadata.name)), signal),
    async reconcile(key, signal) {
      const namespace = namespaces.get(key);
      if (namespace === undefined) return {};
      const action = plan(namespace, configMaps.get(`${key}/${ROOT_CA_CONFIG_MAP}`), live.current);
      await measuredSync(context, "root_ca_cert_publisher", async () => {
        if (action.type === "create")
          await client.create(ConfigMaps, action.configMap, signal).catch(ignoreRefusals);
        if (action.type === "update") await client.update(ConfigMaps, action.configMap, signal);
      });
      return {};
    },
  };
}
