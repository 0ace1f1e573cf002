/** Static pods: manifests in a folder that run without the API, and their mirrors in it. @module */
import { createHash } from "node:crypto";
import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Logger, parseYaml, pause, WakeablePause } from "#apimachinery";
import { applyConstantDefaults } from "#api/defaulting";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { CONFIG_HASH_ANNOTATION, CONFIG_SOURCE_ANNOTATION } from "../container/pod-spec.ts";

export interface StaticPodOptions {
  readonly dir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All static pods that the folder holds now. */
  readonly onChange: (pods: readonly Pod[]) => void;
}

/** As upstream's `fileCheckFrequency`. */
const CHECK_PERIOD_MS = 20_000;
/** Editors write a file in several steps. */
const SETTLE_MS = 50;
const FILES_MAX = 500;
const MANIFEST = /^[^.].*\.(ya?ml|json|manifest)$/u;

/** Runs until `signal` aborts. */
export async function followStaticPods(options: StaticPodOptions, signal: AbortSignal): Promise<void> {
  const { dir, clock, logger, onChange } = options;
  const rest = new WakeablePause(clock);
  let watcher: { close(): void } | undefined;
  let last = "";
  while (!signal.aborted) {
    try {
      watcher ??= watch(dir, () => rest.wake()).on("error", (err) =>
        logger.debug("Watching manifests failed", { err }),
      );
    } catch {
      // The folder may be made later; until then it is polled.
      watcher = undefined;
    }
    const pods = await readAll(options);
    const state = JSON.stringify(pods);
    if (state !== last) onChange(pods);
    last = state;
    await rest.wait(CHECK_PERIOD_MS, signal);
    if (!signal.aborted) await pause(clock, SETTLE_MS, signal);
  }
  watcher?.close();
}

async function readAll({ dir, nodeName, logger }: StaticPodOptions): Promise<readonly Pod[]> {
  let names: readonly string[];
  try {
    names = (await readdir(dir)).filter((name) => MANIFEST.test(name)).toSorted();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT")
      logger.warn("Reading manifests failed", { dir, err });
    return [];
  }
  const pods: Pod[] = [];
  for (const name of names.slice(0, FILES_MAX)) {
    const path = join(dir, name);
    try {
      pods.push(staticPod(await readFile(path, "utf8"), nodeName));
    } catch (err) {
      logger.warn("Cannot use a pod manifest", { path, err });
    }
  }
  return pods;
}

/** The pod as kubelet runs it: named after the node, bound to it, with a uid made from its content. */
export function staticPod(text: string, nodeName: string): Pod {
  const raw = parseYaml(text) as Partial<Pod> | undefined;
  if (raw?.kind !== "Pod" || raw.spec === undefined || raw.metadata?.name === undefined) {
    throw new Error("not a Pod with a name and a spec");
  }
  const hash = createHash("md5").update(text).update(nodeName).digest("hex");
  const uid = raw.metadata.uid ?? hash;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...raw.metadata,
      name: `${raw.metadata.name}-${nodeName}`,
      namespace: raw.metadata.namespace ?? "default",
      uid,
      annotations: {
        ...raw.metadata.annotations,
        [CONFIG_HASH_ANNOTATION]: hash,
        [CONFIG_SOURCE_ANNOTATION]: "file",
      },
    },
    spec: {
      ...raw.spec,
      nodeName,
      tolerations: [...(raw.spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
    },
    status: { phase: "Pending" },
  };
  const whole = applyConstantDefaults(pod);
  return Pods.defaults?.(whole) ?? whole;
}
