import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerPort, Pod, PodSpec, PodStatus } from "#api/core/v1/types.gen";
import { IPV6 } from "../address-family.ts";
import { changedFlows, difference, emptyTable } from "./host-port-table.ts";
import { hostPortsOf } from "./plan.ts";

function pod(ports: readonly ContainerPort[], spec: Partial<PodSpec> = {}, status: PodStatus = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default" },
    spec: { containers: [{ name: "main", ports }], ...spec },
    status: { phase: "Running", podIP: "10.244.0.5", ...status },
  };
}

const PORT = { containerPort: 8080, hostPort: 80 };
const CASES: readonly (readonly [string, Pod, readonly (readonly [string, string])[]])[] = [
  ["every address", pod([PORT]), [["tcp . 80", "10.244.0.5 . 8080"]]],
  ["every address by its name", pod([{ ...PORT, hostIP: "0.0.0.0" }]), [["tcp . 80", "10.244.0.5 . 8080"]]],
  [
    "one address and each protocol",
    pod([
      { ...PORT, hostIP: "127.0.0.1" },
      { ...PORT, protocol: "UDP" },
    ]),
    [
      ["127.0.0.1 . tcp . 80", "10.244.0.5 . 8080"],
      ["udp . 80", "10.244.0.5 . 8080"],
    ],
  ],
  [
    "sidecars, but not other containers that initialise",
    pod([], {
      initContainers: [
        { name: "sidecar", restartPolicy: "Always", ports: [PORT] },
        { name: "init", ports: [{ ...PORT, hostPort: 81 }] },
      ],
    }),
    [["tcp . 80", "10.244.0.5 . 8080"]],
  ],
  ["nothing without a host port", pod([{ containerPort: 8080 }]), []],
  ["nothing in the host network", pod([PORT], { hostNetwork: true }), []],
  ["nothing without an address", pod([PORT], {}, { podIP: "" }), []],
  ["nothing once it ended", pod([PORT], {}, { phase: "Succeeded" }), []],
];
for (const [name, object, expected] of CASES)
  test(`hostPortsOf() opens ${name}`, () => assert.deepEqual([...hostPortsOf(object)], expected));

test("difference() is elements only, and a pod's own traffic once", () => {
  const old = new Map([
    ["tcp . 80", "10.244.0.5 . 8080"],
    ["tcp . 81", "10.244.0.6 . 8080"],
  ]);
  const wanted = new Map([
    ["tcp . 80", "10.244.0.5 . 8080"],
    ["127.0.0.1 . udp . 81", "10.244.0.5 . 53"],
  ]);
  assert.deepEqual(difference(old, wanted).trimEnd().split("\n"), [
    "delete element ip k8ts-hostport by-port { tcp . 81 }",
    "add element ip k8ts-hostport by-address { 127.0.0.1 . udp . 81 : 10.244.0.5 . 53 }",
    "delete element ip k8ts-hostport hairpins { 10.244.0.6 . 10.244.0.6 }",
  ]);
  assert.equal(difference(old, old), "");
});

test("hostPortsOf() opens the ports of each family on that family's addresses", () => {
  const podIPs = [{ ip: "10.244.0.5" }, { ip: "fd00::5" }];
  const ports = [
    PORT,
    { ...PORT, hostPort: 81, hostIP: "fd01::2" },
    { ...PORT, hostPort: 82, hostIP: "0.0.0.0" },
  ];
  const object = pod(ports, {}, { podIPs });
  assert.deepEqual(
    [...hostPortsOf(object, IPV6)],
    [
      ["tcp . 80", "fd00::5 . 8080"],
      ["fd01::2 . tcp . 81", "fd00::5 . 8080"],
    ],
  );
  assert.deepEqual([...hostPortsOf(object).keys()], ["tcp . 80", "tcp . 82"]);
  assert.deepEqual(difference(new Map(), hostPortsOf(pod([PORT], {}, { podIPs }), IPV6), IPV6).split("\n"), [
    "add element ip6 k8ts-hostport by-port { tcp . 80 : fd00::5 . 8080 }",
    "add element ip6 k8ts-hostport hairpins { fd00::5 . fd00::5 }",
    "",
  ]);
});

test("emptyTable() of IPv6 leaves ::1 alone: what comes from it cannot be routed", () => {
  const script = emptyTable(IPV6).join("\n");
  assert.match(script, /fib daddr type local ip6 daddr != ::1 /);
  assert.doesNotMatch(script, /127\.|ipv4|dnat ip to/);
});

test("changedFlows() lets UDP flows lead to the new pod, and to none when a port is closed", () => {
  const old = new Map([
    ["udp . 53", "10.244.0.5 . 53"],
    ["127.0.0.1 . udp . 54", "10.244.0.5 . 53"],
    ["tcp . 80", "10.244.0.5 . 80"],
  ]);
  const wanted = new Map([["udp . 53", "10.244.0.6 . 53"]]);
  assert.deepEqual(
    changedFlows(old, wanted),
    new Map([
      ["*:53", new Set(["10.244.0.6:53"])],
      ["127.0.0.1:54", new Set()],
    ]),
  );
});
