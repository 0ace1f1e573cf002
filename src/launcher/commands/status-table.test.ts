import assert from "node:assert/strict";
import { test } from "node:test";
import { renderStatus, statusExitCode, type NodeStatus } from "./status-table.ts";

const CONTROL_PLANE: NodeStatus = {
  Name: "k8ts",
  Host: "Running",
  Kubelet: "Running",
  APIServer: "Running",
  Kubeconfig: "Configured",
  Worker: false,
  IP: "192.168.49.2",
};
const WORKER: NodeStatus = {
  ...CONTROL_PLANE,
  Name: "k8ts-m02",
  APIServer: "Irrelevant",
  Kubeconfig: "Irrelevant",
  Worker: true,
  IP: "192.168.49.3",
};

test("statusExitCode adds up what does not run, as minikube does", () => {
  assert.equal(code({}), 0);
  assert.equal(code({}, {}), 0);
  assert.equal(code({ Host: "Stopped" }), 1);
  assert.equal(code({ Kubelet: "Stopped" }), 2);
  assert.equal(code({ APIServer: "Stopped" }), 4);
  assert.equal(code({}, { Host: "Stopped", Kubelet: "Stopped" }), 3);
  assert.equal(
    code({ Host: "Stopped", Kubelet: "Stopped", APIServer: "Stopped" }, { Kubelet: "Stopped" }),
    7,
  );
});

function code(...changes: readonly Partial<NodeStatus>[]): number {
  return statusExitCode(changes.map((change, i) => ({ ...(i === 0 ? CONTROL_PLANE : WORKER), ...change })));
}

test("renderStatus shows what concerns a node", () => {
  assert.equal(
    renderStatus([CONTROL_PLANE, WORKER]),
    `k8ts
type: Control Plane
host: Running
kubelet: Running
apiserver: Running
kubeconfig: Configured
ip: 192.168.49.2

k8ts-m02
type: Worker
host: Running
kubelet: Running
ip: 192.168.49.3
`,
  );
});
