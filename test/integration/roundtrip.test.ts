/** Every kind, in every version, survives the way through each encoding, its defaults and its other versions. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  apiVersionOf,
  decodeProtobuf,
  encodeProtobuf,
  formatYaml,
  parseYaml,
  type JsonObject,
  type Kind,
  type KubeObject,
} from "#apimachinery";
import { betaKinds, builtinKinds, lookup, newScheme } from "#api";
import { objectsOf } from "./roundtrip-arbitraries.ts";

const SEED = 20_261_121;
const RUNS = 30;
const kinds: readonly Kind[] = [...builtinKinds, ...betaKinds()];
const scheme = newScheme(kinds);

function everyKind(name: string, check: (object: KubeObject, kind: Kind) => void): void {
  suite(name, () => {
    for (const kind of kinds) {
      const objects = objectsOf(kind);
      if (objects === undefined) continue;
      test(`${apiVersionOf(kind)} ${kind.kind}`, () => {
        const property = fc.property(objects, (object) => check(plain(object), kind));
        fc.assert(property, { seed: SEED, numRuns: RUNS });
      });
    }
  });
}

/** As it would come from the wire. */
function plain<T>(object: T): T {
  return JSON.parse(JSON.stringify(object)) as T;
}

everyKind("encodeProtobuf and back is the identity", (object, kind) => {
  const schema = lookup(kind)!;
  const bytes = encodeProtobuf(object as unknown as JsonObject, schema);
  assert.deepEqual(plain(decodeProtobuf(bytes, () => schema)), object);
});

everyKind("formatYaml and back is the identity", (object) => {
  assert.deepEqual(parseYaml(formatYaml(object)), object);
});

everyKind("applyDefaults twice is once", (object) => {
  const once = plain(scheme.applyDefaults(object));
  assert.deepEqual(plain(scheme.applyDefaults(once)), once);
});

/** What comes back from the other version, with its defaults. */
function thereAndBack(object: KubeObject, from: Kind, to: Kind): KubeObject {
  const back = plain(scheme.convert(plain(scheme.convert(object, to)), from));
  return plain(scheme.applyDefaults(back));
}

/**
 * Of these the first way there fills in what the other version demands (metrics, counts), or leaves what it does not have
 * (keys as v1.35 named them); nothing is lost after that.
 */
const FILLED_IN: readonly string[] = ["Event", "HorizontalPodAutoscaler", "PodCertificateRequest"];

suite("convert there and back is the identity", () => {
  for (const served of kinds) {
    const stored = scheme.storedAs(served);
    if (stored === served) continue;
    for (const [from, to] of [
      [served, stored],
      [stored, served],
    ] as const) {
      test(`${apiVersionOf(from)} ${from.kind} to ${apiVersionOf(to)}`, () => {
        const property = fc.property(objectsOf(from)!, (object) => {
          const complete = plain(scheme.applyDefaults(plain(object)));
          const sent = FILLED_IN.includes(from.kind) ? thereAndBack(complete, from, to) : complete;
          assert.deepEqual(thereAndBack(sent, from, to), sent);
        });
        fc.assert(property, { seed: SEED, numRuns: RUNS });
      });
    }
  }
});
