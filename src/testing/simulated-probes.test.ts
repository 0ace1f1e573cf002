import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Container, Pod } from "#api/core/v1/types.gen";
import { simulatedProbes } from "./simulated-probes.ts";

const exec = { command: ["true"] };

suite("simulatedProbes", () => {
  const cases: readonly [name: string, given: Partial<Container>, expected: Partial<Container>][] = [
    [
      "HTTP probes keep their timing and ask the runtime",
      { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 3 } },
      { readinessProbe: { exec, periodSeconds: 3 } },
    ],
    ["TCP probes", { livenessProbe: { tcpSocket: { port: 80 } } }, { livenessProbe: { exec } }],
    ["gRPC probes", { startupProbe: { grpc: { port: 80 } } }, { startupProbe: { exec } }],
    [
      "hooks, one by one",
      { lifecycle: { preStop: { httpGet: { port: 80 } }, postStart: { exec: { command: ["a"] } } } },
      { lifecycle: { preStop: { exec }, postStart: { exec: { command: ["a"] } } } },
    ],
  ];
  for (const [name, given, expected] of cases) {
    test(`simulatedProbes: ${name}`, () => {
      assert.deepEqual(simulatedProbes(newPod(given)), newPod(expected));
    });
  }

  test("simulatedProbes gives the same object when nothing goes over the network", () => {
    const pod = newPod({ livenessProbe: { exec } });
    assert.equal(simulatedProbes(pod), pod);
  });
});

function newPod(container: Partial<Container>): Pod {
  const containers = [{ name: "c", image: "web:1", ...container }];
  const initContainers = [{ name: "i", image: "web:1", ...container }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers, initContainers } };
}
