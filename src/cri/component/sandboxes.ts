/** Sandboxes of components: on the node's network, with nothing in them. @module */
import { RuntimeError } from "../errors.ts";
import type { RuntimeService } from "../runtime.ts";
import type { PodSandboxConfig } from "../sandbox.ts";
import type { ComponentState } from "./component-runtime.ts";

export const COMPONENT_RUNTIME_HANDLER = "k8ts-component";
export const COMPONENT_ANNOTATION = "k8ts.io/component";

type SandboxCalls = Pick<
  RuntimeService,
  | "runPodSandbox"
  | "stopPodSandbox"
  | "removePodSandbox"
  | "podSandboxStatus"
  | "updatePodSandboxResources"
  | "podSandboxStats"
  | "portForward"
>;

export function sandboxCalls(state: ComponentState): SandboxCalls {
  const { own, runtime, records } = state;
  const of = (id: string): RuntimeService => (records.sandboxes.has(id) ? own : runtime);
  return {
    runPodSandbox: async (config, handler, signal) => {
      if (!isComponent(config, handler)) return runtime.runPodSandbox(config, handler, signal);
      if (config.linux?.securityContext?.namespaceOptions?.network !== "NODE")
        throw new RuntimeError("InvalidArgument", "the pod of a cluster component must use the host network");
      return own.runPodSandbox(config, handler, signal);
    },
    stopPodSandbox: (id, signal) => of(id).stopPodSandbox(id, signal),
    removePodSandbox: (id, signal) => of(id).removePodSandbox(id, signal),
    podSandboxStatus: (id, options, signal) => of(id).podSandboxStatus(id, options, signal),
    updatePodSandboxResources: (id, resources, signal) =>
      of(id).updatePodSandboxResources(id, resources, signal),
    podSandboxStats: (id, signal) => of(id).podSandboxStats(id, signal),
    portForward: async (request, signal) => {
      if (records.sandboxes.has(request.podSandboxId)) throw noContainer("port-forward to");
      return runtime.portForward(request, signal);
    },
  };
}

export function noContainer(what: string): RuntimeError {
  return new RuntimeError(
    "Unimplemented",
    `Cannot ${what} a component of the cluster: it runs as a process of the node, not in a container`,
  );
}

function isComponent({ annotations }: PodSandboxConfig, runtimeHandler: string): boolean {
  return runtimeHandler === COMPONENT_RUNTIME_HANDLER || annotations?.[COMPONENT_ANNOTATION] !== undefined;
}
