/** What `k8ts status` shows, and the exit code that says the same. @module */

export type State = "Running" | "Stopped";

/** minikube's field names, so that tools which read its output read ours. */
export interface NodeStatus {
  readonly Name: string;
  readonly Host: State;
  readonly Kubelet: State;
  /** Irrelevant on workers. */
  readonly APIServer: State | "Irrelevant";
  readonly Kubeconfig: "Configured" | "Misconfigured" | "Irrelevant";
  readonly Worker: boolean;
  readonly IP: string;
}

/** minikube's exit code: 1 for the host, 2 for the cluster, 4 for Kubernetes, added up. */
export function statusExitCode(nodes: readonly NodeStatus[]): number {
  const has = (isWrong: (node: NodeStatus) => boolean): number => (nodes.some(isWrong) ? 1 : 0);
  return (
    has((node) => node.Host !== "Running") +
    2 * has((node) => node.Kubelet !== "Running") +
    4 * has((node) => node.APIServer === "Stopped")
  );
}

export function renderStatus(nodes: readonly NodeStatus[]): string {
  return nodes
    .map((node) =>
      [
        node.Name,
        `type: ${node.Worker ? "Worker" : "Control Plane"}`,
        `host: ${node.Host}`,
        `kubelet: ${node.Kubelet}`,
        ...(node.Worker ? [] : [`apiserver: ${node.APIServer}`, `kubeconfig: ${node.Kubeconfig}`]),
        `ip: ${node.IP}`,
        "",
      ].join("\n"),
    )
    .join("\n");
}
