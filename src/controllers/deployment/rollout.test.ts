import { readdirSync } from "node:fs";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import { formatTime } from "#apimachinery";
import { runGoldenScript } from "../testing/golden-script.ts";
import { newDeployment, START_MS } from "../testing/objects.ts";
import { REVISION } from "./annotations.ts";
import type { Plan } from "./plan.ts";
import { plan } from "./plan.ts";

const SCRIPTS = new URL("testdata/", import.meta.url);
const STEPS_MAX = 100;

for (const name of readdirSync(SCRIPTS)) {
  test(`plan() rolls out as the script ${name} tells`, () => {
    const cluster = new Cluster();
    const update = process.argv.includes("--update");
    runGoldenScript(new URL(name, SCRIPTS), (command) => cluster.run(command), update);
  });
}

/** ReplicaSets whose controller acts at once, and whose pods become ready when the script says so. */
class Cluster {
  #nowMs = START_MS;
  #deployment: Deployment | undefined;
  #sets: ReplicaSet[] = [];
  /** By name: how many pods are ready. */
  readonly #ready = new Map<string, number>();

  /**
   * - `deployment [replicas=N] [image=X] [maxSurge=N|N%] [maxUnavailable=…] [strategy=…] [paused=true] …`
   * - `step`: one plan. `run`: plans until nothing changes. `rollout`: the same, with every pod ready at once.
   * - `ready IMAGE N`: so many more pods of that ReplicaSet are ready. `lose IMAGE N`: so many fewer.
   * - `tick N`: N seconds pass. `status`: the Deployment's status. `sets`: the ReplicaSets' annotations.
   */
  run(command: string): readonly string[] {
    const [verb, ...args] = command.split(" ");
    switch (verb!) {
      case "deployment":
        this.#apply(new Map(args.map((arg) => arg.split("=") as [string, string])));
        return [];
      case "step":
        return this.#step();
      case "run":
        return this.#untilQuiet(() => this.#step());
      case "rollout":
        return this.#untilQuiet(() => {
          for (const rs of this.#sets) this.#ready.set(rs.metadata.name, rs.spec?.replicas ?? 0);
          return this.#step();
        });
      case "ready":
      case "lose":
        this.#changeReady(args[0]!, Number(args[1]) * (verb === "ready" ? 1 : -1));
        return [];
      case "tick":
        this.#nowMs += Number(args[0]) * 1000;
        return [];
      case "status":
        return this.#printStatus();
      case "sets":
        return this.#sets.map((rs) => `${this.#alias(rs)} ${JSON.stringify(rs.metadata.annotations)}`);
      default:
        throw new Error(`Unknown command ${command}`);
    }
  }

  #apply(args: ReadonlyMap<string, string>): void {
    const old = this.#deployment ?? newDeployment("web");
    const spec = old.spec!;
    const rolling = spec.strategy?.rollingUpdate;
    const surge = args.get("maxSurge");
    const unavailable = args.get("maxUnavailable");
    const image = args.get("image");
    const type = args.get("strategy") ?? spec.strategy?.type ?? "RollingUpdate";
    const numbers = ["replicas", "revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds"].filter(
      (key) => args.has(key),
    );
    const rollingUpdate = {
      ...rolling,
      ...(surge !== undefined && { maxSurge: intOrString(surge) }),
      ...(unavailable !== undefined && { maxUnavailable: intOrString(unavailable) }),
    };
    this.#deployment = {
      ...old,
      metadata: { ...old.metadata, generation: (old.metadata.generation ?? 0) + 1 },
      spec: {
        ...spec,
        ...Object.fromEntries(numbers.map((key) => [key, Number(args.get(key))])),
        ...(args.has("paused") && { paused: args.get("paused") === "true" }),
        strategy: type === "Recreate" ? { type } : { type, rollingUpdate },
        ...(image !== undefined && {
          template: { ...spec.template, spec: { containers: [{ name: "web", image }] } },
        }),
      },
    };
  }

  #step(): readonly string[] {
    const owned = this.#sets.map((rs) => this.#withStatus(rs));
    const livePods = new Map(owned.map((rs) => [rs.metadata.uid!, rs.status?.replicas ?? 0]));
    const p = plan(this.#deployment!, { owned, livePods, nowMs: this.#nowMs });
    const lines = this.#carryOut(p);
    const conditions = this.#changedConditions(p);
    const d = this.#deployment!;
    const annotations = {
      ...d.metadata.annotations,
      ...(p.revision !== undefined && { [REVISION]: p.revision }),
    };
    this.#deployment = { ...d, metadata: { ...d.metadata, annotations }, status: p.status };
    const revision = p.revision === undefined ? [] : [`revision ${p.revision}`];
    return [...lines, ...revision, ...conditions];
  }

  #carryOut({ create, update, remove }: Plan): readonly string[] {
    const lines: string[] = [];
    if (create !== undefined) {
      const created = {
        ...create.metadata,
        uid: create.metadata.name,
        creationTimestamp: formatTime(this.#nowMs + this.#sets.length * 1000),
      };
      this.#sets.push({ ...create, metadata: { ...created, generation: 1 } });
      lines.push(`create ${this.#alias(create)} replicas=${create.spec?.replicas}`);
    }
    for (const { from, to } of update) {
      this.#sets = this.#sets.map((rs) =>
        rs.metadata.name === to.metadata.name ? { ...to, ...(rs.status && { status: rs.status }) } : rs,
      );
      const [old, size] = [from.spec?.replicas, to.spec?.replicas];
      if (old !== size) lines.push(`scale ${this.#alias(to)} ${old} -> ${size}`);
      const revision = to.metadata.annotations?.[REVISION];
      if (from.metadata.annotations?.[REVISION] !== revision)
        lines.push(`annotate ${this.#alias(to)} revision=${revision}`);
    }
    for (const gone of remove) {
      this.#sets = this.#sets.filter((rs) => rs.metadata.name !== gone.metadata.name);
      lines.push(`delete ${this.#alias(gone)}`);
    }
    return lines;
  }

  #changedConditions({ status }: Plan): readonly string[] {
    const before = new Set(
      (this.#deployment?.status?.conditions ?? []).map((c) => `${c.type}=${c.status} ${c.reason}`),
    );
    const after = (status.conditions ?? []).map((c) => `${c.type}=${c.status} ${c.reason}`);
    return after.filter((line) => !before.has(line)).toSorted();
  }

  #untilQuiet(step: () => readonly string[]): readonly string[] {
    const lines: string[] = [];
    for (let i = 0; i < STEPS_MAX; i++) {
      const before = JSON.stringify([this.#deployment, this.#sets, [...this.#ready]]);
      lines.push(...step());
      if (before === JSON.stringify([this.#deployment, this.#sets, [...this.#ready]])) return lines;
    }
    throw new Error(`Not quiet after ${STEPS_MAX} steps`);
  }

  #withStatus(rs: ReplicaSet): ReplicaSet {
    const replicas = rs.spec?.replicas ?? 0;
    const ready = Math.min(this.#ready.get(rs.metadata.name) ?? 0, replicas);
    this.#ready.set(rs.metadata.name, ready);
    const counts = { readyReplicas: ready, availableReplicas: ready, terminatingReplicas: 0 };
    return { ...rs, status: { replicas, ...counts, observedGeneration: rs.metadata.generation ?? 0 } };
  }

  #changeReady(image: string, by: number): void {
    const rs = this.#sets.find((candidate) => imageOf(candidate) === image)!;
    const { name } = rs.metadata;
    this.#ready.set(name, Math.max((this.#ready.get(name) ?? 0) + by, 0));
  }

  #printStatus(): readonly string[] {
    const { conditions = [], ...counts } = this.#deployment?.status ?? {};
    const lines = conditions.map(
      (c) => `${c.type}=${c.status} ${c.reason}: ${this.#withAliases(c.message ?? "")}`,
    );
    return [JSON.stringify(counts), ...lines.toSorted()];
  }

  #withAliases(text: string): string {
    return this.#sets.reduce((result, rs) => result.replaceAll(rs.metadata.name, this.#alias(rs)), text);
  }

  #alias(rs: ReplicaSet): string {
    return `web-${imageOf(rs)}`;
  }
}

function intOrString(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function imageOf(rs: ReplicaSet): string {
  return rs.spec?.template?.spec?.containers[0]?.image ?? "";
}
