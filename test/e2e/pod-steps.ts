/** What tests of pods do again and again: make one, wait for it, ask for a field of it, run something in it. */
import assert from "node:assert/strict";
import { eventually, type TestCluster } from "./harness.ts";

/** The test image, built from `examples/web`. */
export const IMAGE = "demo/web:1";
/** Of the only container, up to a field: `${STATUS}.restartCount}`. */
export const STATUS = "{.status.containerStatuses[0]";

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

export function sh(name: string, script: string): Container {
  return { name, image: IMAGE, command: ["sh", "-c", script] };
}

export interface PodSteps {
  readonly pod: (name: string, spec: object, metadata?: object) => Promise<void>;
  readonly ready: (name: string) => Promise<void>;
  readonly phase: (name: string, wanted: string) => Promise<void>;
  /** `path` is a JSONPath. */
  readonly field: (name: string, path: string) => Promise<string>;
  /** Standard output of a shell script. */
  readonly inside: (name: string, container: string, script: string) => Promise<string>;
  /** A container that is ready may not have written all of a file yet. */
  readonly holds: (name: string, container: string, path: string, wanted: string) => Promise<void>;
}

export function podSteps(cluster: () => TestCluster): PodSteps {
  const wait = async (name: string, condition: string): Promise<void> => {
    await cluster().kubectl("wait", `--for=${condition}`, `pod/${name}`, "--timeout=90s");
  };
  const inside: PodSteps["inside"] = (name, container, script) =>
    cluster().kubectl("exec", name, "-c", container, "--", "sh", "-c", script);
  return {
    inside,
    async holds(name, container, path, wanted) {
      let text = "";
      await eventually(`${path} of ${name}`, async () => {
        text = await inside(name, container, `cat ${path}`);
        return text === wanted ? true : undefined;
      }).catch(() => assert.equal(text, wanted));
    },
    async pod(name, spec, metadata = {}) {
      const named = { ...metadata, name, namespace: "default" };
      await cluster().apply({ apiVersion: "v1", kind: "Pod", metadata: named, spec });
    },
    ready: (name) => wait(name, "condition=Ready"),
    phase: (name, wanted) => wait(name, `jsonpath={.status.phase}=${wanted}`),
    field: (name, path) => cluster().kubectl("get", "pod", name, "-o", `jsonpath=${path}`),
  };
}
