import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { HorizontalPodAutoscaler } from "#api/autoscaling/v2/types.gen";
import type { Client, InformerFactory } from "#client";
import type { ResourceSource } from "../resources.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler-controller.ts";

test("horizontalPodAutoscalerController() tells of a status that could not be written", async () => {
  const events: string[] = [];
  const hpa: HorizontalPodAutoscaler = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "web", namespace: "default", uid: "u", resourceVersion: "1" },
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Odd", name: "web" }, maxReplicas: 2 },
  };
  const controller = horizontalPodAutoscalerController(
    {
      client: { updateStatus: () => Promise.reject(new Error("disk full")) } as unknown as Client,
      informers: { lister: () => ({ get: () => hpa }) } as unknown as InformerFactory,
      recorder: { event: (_about, type, reason, message) => events.push(`${type} ${reason}: ${message}`) },
      clock: new FakeClock(),
      logger: silentLogger,
    },
    { mapping: () => undefined } as unknown as ResourceSource,
  );
  await assert.rejects(controller.reconcile("default/web", new AbortController().signal), /disk full/);
  assert.deepEqual(events, [
    'Warning FailedGetScale: no matches for kind "Odd" in group "apps"',
    "Warning FailedUpdateStatus: disk full",
  ]);
});
