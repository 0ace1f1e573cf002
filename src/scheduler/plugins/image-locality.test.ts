import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/core/v1/types.gen";
import { podInfo } from "../cache/pod-info.ts";
import { scoreBy, testCluster, testPod } from "../fixture.ts";
import { imageLocality } from "./image-locality.ts";

const MIB = 1024 * 1024;

interface Case {
  readonly name: string;
  /** Sizes in MiB; so the images are called, too. */
  readonly nodes: Readonly<Record<string, readonly number[]>>;
  readonly containers: readonly number[];
  readonly initContainers?: readonly number[];
  readonly volumes?: readonly number[];
  readonly want: Readonly<Record<string, number>>;
}

/** Upstream's cases. */
const cases: readonly Case[] = [
  {
    name: "prefers the larger image",
    nodes: { a: [40, 300, 2000], b: [250, 10] },
    containers: [40, 250],
    want: { a: 0, b: 5 },
  },
  {
    name: "adds the images of the containers",
    nodes: { a: [40, 300, 2000], b: [250, 10] },
    containers: [40, 300],
    want: { a: 7, b: 0 },
  },
  {
    name: "knows a largest sum",
    nodes: { a: [4000, 30], b: [250, 10] },
    containers: [10, 4000],
    want: { a: 100, b: 0 },
  },
  {
    name: "counts nodes without images when it asks how far an image has spread",
    nodes: { a: [4000, 30], b: [250, 10], c: [] },
    containers: [10, 4000],
    want: { a: 66, b: 0, c: 0 },
  },
  {
    name: "prefers images that many nodes have",
    nodes: { a: [600, 40, 900], b: [300, 600, 900], c: [] },
    containers: [300, 600, 900],
    want: { a: 32, b: 36, c: 0 },
  },
  {
    name: "leaves small images out",
    nodes: { a: [20, 30, 40], b: [4000, 30] },
    containers: [30, 40],
    want: { a: 1, b: 0 },
  },
  {
    name: "counts image volumes in the sum, but not as containers",
    nodes: { a: [300, 600, 900], b: [4000, 30] },
    containers: [30],
    volumes: [300],
    want: { a: 12, b: 0 },
  },
  {
    name: "counts init containers in the sum and as containers",
    nodes: { a: [40, 300, 2000], b: [20, 30, 40] },
    containers: [30],
    initContainers: [300],
    want: { a: 6, b: 0 },
  },
];

for (const { name, nodes, containers, initContainers = [], volumes = [], want } of cases) {
  test(`ImageLocality ${name}`, () => {
    const cluster = testCluster(
      Object.fromEntries(
        Object.entries(nodes).map(([node, sizes]) => [
          node,
          { images: sizes.map((size) => ({ names: [`${imageOf(size)}:latest`], sizeBytes: size * MIB })) },
        ]),
      ),
    );
    const spec: Partial<PodSpec> = {
      containers: containers.map(containerOf),
      initContainers: initContainers.map(containerOf),
      volumes: volumes.map((size) => ({ name: `v${size}`, image: { reference: imageOf(size) } })),
    };
    assert.deepEqual(scoreBy(imageLocality, podInfo(testPod("p", { spec })), cluster), want);
  });
}

function imageOf(size: number): string {
  return `registry.example.com/${size}`;
}

function containerOf(size: number) {
  return { name: `c${size}`, image: imageOf(size) };
}
