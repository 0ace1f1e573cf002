import assert from "node:assert/strict";
import { test } from "node:test";
import { clientNodeProse, fileNames, proseOf } from "./client-node-prose.ts";

const DECLARATION = `/**
 * Generated
 */
import { V1B } from '../models/V1B.js';
/**
* What it is.
*/
export declare class V1A {
    /**
    * The field\\'s text.
    */
    'first'?: string;
    'silent': V1B;
    /**
    * A reserved word.
    */
    '_default'?: any;
    /**
    * Renamed.
    */
    'x_kubernetes_map_type'?: string;
    'map'?: {
        [key: string]: string;
    };
    static readonly discriminator: string | undefined;
}
`;

test("proseOf reads the comments of a declaration", () => {
  const { text, fields } = proseOf(DECLARATION);
  assert.equal(text, "What it is.");
  assert.deepEqual(Object.fromEntries(fields), {
    first: "The field's text.",
    default: "A reserved word.",
    "x-kubernetes-map-type": "Renamed.",
  });
});

test("fileNames follows the names of the generator", () => {
  const table: readonly (readonly [definition: string, names: readonly string[]])[] = [
    ["io.k8s.api.apps.v1.Deployment", ["V1Deployment", "AppsV1Deployment"]],
    ["io.k8s.api.core.v1.Event", ["V1Event", "CoreV1Event"]],
    ["io.k8s.api.resource.v1beta2.Device", ["V1beta2Device", "ResourceV1beta2Device"]],
    ["io.k8s.apimachinery.pkg.util.intstr.IntOrString", []],
  ];
  for (const [definition, names] of table) assert.deepEqual(fileNames(definition), names);
});

function readText(path: string): Promise<string | undefined> {
  return Promise.resolve(path === "/models/CoreV1A.d.ts" ? DECLARATION : undefined);
}

test("clientNodeProse knows nothing of definitions without a file", async () => {
  const prose = clientNodeProse({ folder: "/models/", version: "2.0.1", readText });
  assert.equal((await prose.of("io.k8s.api.core.v1.A"))?.text, "What it is.");
  assert.equal(await prose.of("io.k8s.api.core.v1.B"), undefined);
});
