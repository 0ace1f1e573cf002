/** DefaultBinder: writes the decision through the pod's `binding` subresource. @module */
import { Pods } from "#api/core/v1/pod";
import type { Client } from "#client";
import type { Plugin } from "../framework/plugin.ts";

export function defaultBinder(client: Client): Plugin {
  return {
    name: "DefaultBinder",
    async bind(_state, { pod }, nodeName, signal) {
      const { name, namespace = "", uid = "" } = pod.metadata;
      const binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      };
      await client.createSubresource(Pods, { namespace, name }, "binding", binding, signal);
    },
  };
}
