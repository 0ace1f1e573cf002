import { readdirSync } from "node:fs";
import { test } from "node:test";
import type { ControllerRevision, StatefulSet, StatefulSetSpec } from "#api/apps/v1/types.gen";
import type { PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { formatTime, parseIntOrString } from "#apimachinery";
import { runGoldenScript } from "../testing/golden-script.ts";
import { START, START_MS } from "../testing/objects.ts";
import { atRevision, planHistory, surplusRevisions } from "./history.ts";
import { hasStorage, newClaims, ordinalOf, revisionOf } from "./identity.ts";
import type { Step } from "./plan.ts";
import { plan } from "./plan.ts";
import { ownersByPolicy, planClaimOwners } from "./retention.ts";

const SCRIPTS = new URL("testdata/", import.meta.url);
const STEPS_MAX = 100;

for (const name of readdirSync(SCRIPTS)) {
  test(`plan() goes as the script ${name} tells`, () => {
    const cluster = new Cluster();
    const update = process.argv.includes("--update");
    runGoldenScript(new URL(name, SCRIPTS), (command) => cluster.run(command), update);
  });
}

/** Pods that become ready, and are gone once deleted, when the script says so. */
class Cluster {
  #nowMs = START_MS;
  #set: StatefulSet = newSet();
  #revisions: readonly ControllerRevision[] = [];
  #pods: readonly Pod[] = [];
  #claims: readonly PersistentVolumeClaim[] = [];
  #uids = 0;

  /**
   * - `sts [replicas=N] [image=X] [partition=N] [maxUnavailable=N|N%] [policy=Parallel] [strategy=OnDelete] [start=N]
   *   [minReadySeconds=N] [claims=NAME] [whenDeleted=Delete] [whenScaled=Delete]`
   * - `step`: one plan. `rollout`: plans until nothing changes, pods become ready and deleted ones go at once.
   * - `ready N`, `unready N`, `fail N`, `gone N`: the pod with that ordinal. `tick N`: N seconds pass.
   * - `status`, `pods`, `revisions`, `claims`: what there is.
   */
  run(command: string): readonly string[] {
    const [verb, ...args] = command.split(" ");
    switch (verb!) {
      case "sts":
        this.#apply(new Map(args.map((arg) => arg.split("=") as [string, string])));
        return [];
      case "step":
        return this.#step();
      case "rollout":
        return this.#rollout();
      case "ready":
      case "unready":
      case "fail":
        this.#change(Number(args[0]), (pod) => this.#withState(pod, verb));
        return [];
      case "gone":
        this.#pods = this.#pods.filter((pod) => ordinalOf(this.#set, pod) !== Number(args[0]));
        return [];
      case "tick":
        this.#nowMs += Number(args[0]) * 1000;
        return [];
      case "status":
        return [this.#withAliases(JSON.stringify(this.#set.status))];
      case "pods":
        return this.#pods.map((pod) => `${pod.metadata.name} ${this.#alias(revisionOf(pod))}`);
      case "revisions":
        return this.#revisions.map(
          (revision) => `${revision.revision} ${this.#alias(revision.metadata.name)}`,
        );
      case "claims":
        return this.#claims.map(({ metadata }) => {
          const owners = (metadata.ownerReferences ?? []).map(({ kind, name }) => ` ${kind}/${name}`);
          return `${metadata.name}${owners.join("")}`;
        });
      default:
        throw new Error(`Unknown command ${command}`);
    }
  }

  #apply(args: ReadonlyMap<string, string>): void {
    const { metadata, spec } = this.#set;
    const number = (key: string): number | undefined => (args.has(key) ? Number(args.get(key)) : undefined);
    const [partition, start, image] = [number("partition"), number("start"), args.get("image")];
    const maxUnavailable = args.get("maxUnavailable");
    const claims = args.get("claims");
    const type = args.get("strategy") ?? spec!.updateStrategy!.type!;
    const rollingUpdate = {
      ...spec!.updateStrategy!.rollingUpdate,
      ...(partition !== undefined && { partition }),
      ...(maxUnavailable !== undefined && { maxUnavailable: parseIntOrString(maxUnavailable) }),
    };
    const kept = ["replicas", "minReadySeconds", "revisionHistoryLimit"].filter((key) => args.has(key));
    const retention = ["whenDeleted", "whenScaled"].filter((key) => args.has(key));
    const next = {
      ...spec!,
      ...Object.fromEntries(kept.map((key) => [key, Number(args.get(key))])),
      ...(args.has("policy") && { podManagementPolicy: args.get("policy")! }),
      ...(start !== undefined && { ordinals: { start } }),
      ...(retention.length > 0 && {
        persistentVolumeClaimRetentionPolicy: Object.fromEntries(
          retention.map((key) => [key, args.get(key)!]),
        ),
      }),
      ...(claims !== undefined && { volumeClaimTemplates: [newTemplate(claims)] }),
      updateStrategy: type === "OnDelete" ? { type } : { type, rollingUpdate },
      ...(image !== undefined && {
        template: { ...spec!.template, spec: { containers: [{ name: "web", image }] } },
      }),
    } as StatefulSetSpec;
    this.#set = { ...this.#set, metadata: { ...metadata, generation: metadata.generation! + 1 }, spec: next };
  }

  #step(): readonly string[] {
    const { update, isOutdated, current = update } = planHistory(this.#set, this.#revisions);
    const isNew = update.metadata.uid === undefined;
    if (isNew || isOutdated) {
      const stored = { ...update, metadata: { ...update.metadata, uid: update.metadata.name } };
      const others = this.#revisions.filter(({ metadata }) => metadata.name !== update.metadata.name);
      this.#revisions = [...others, stored];
    }
    const { steps, status } = plan(this.#set, {
      pods: this.#pods,
      claim: (name) => this.#claims.find((claim) => claim.metadata.name === name),
      revisions: { current: current.metadata.name, update: update.metadata.name, collisionCount: 0 },
      currentSet: atRevision(this.#set, current),
      updateSet: atRevision(this.#set, update),
      nowMs: this.#nowMs,
    });
    for (const step of steps) this.#carryOut(step);
    const surplus = surplusRevisions(this.#set, this.#revisions, [current, update], this.#pods);
    this.#revisions = this.#revisions.filter((revision) => !surplus.includes(revision));
    this.#set = { ...this.#set, status };
    return steps.map(({ do: what, pod }) =>
      what === "create"
        ? `create ${pod.metadata.name} ${this.#alias(revisionOf(pod))}`
        : `${what} ${pod.metadata.name}`,
    );
  }

  #carryOut({ do: what, pod, ordinal }: Step): void {
    if (what === "delete") {
      const metadata = { ...pod.metadata, deletionTimestamp: formatTime(this.#nowMs) };
      this.#pods = this.#pods.map((other) => (other === pod ? { ...pod, metadata } : other));
      return;
    }
    const makesClaims = what === "create" || what === "claims" || !hasStorage(this.#set, pod, ordinal);
    const missing = newClaims(this.#set, ordinal).filter(
      ({ metadata }) => makesClaims && !this.#hasClaim(metadata.name),
    );
    const ownerReferences = ownersByPolicy(this.#set, undefined, ordinal);
    const made = missing.map((claim) => ({ ...claim, metadata: { ...claim.metadata, ownerReferences } }));
    this.#claims = [...this.#claims, ...made].map((claim) => {
      if (!claim.metadata.name.endsWith(`-${ordinal}`)) return claim;
      const { owners } = planClaimOwners(claim, this.#set, pod, ordinal);
      return owners === undefined
        ? claim
        : { ...claim, metadata: { ...claim.metadata, ownerReferences: owners } };
    });
    if (what !== "create") return;
    const metadata = { ...pod.metadata, uid: `uid-${++this.#uids}`, creationTimestamp: START };
    this.#pods = [...this.#pods, { ...pod, metadata, status: { phase: "Pending" } }];
  }

  #hasClaim(name: string): boolean {
    return this.#claims.some((claim) => claim.metadata.name === name);
  }

  #rollout(): readonly string[] {
    const lines: string[] = [];
    for (let i = 0; i < STEPS_MAX; i++) {
      const before = JSON.stringify([this.#set, this.#pods, this.#revisions, this.#claims]);
      lines.push(...this.#step());
      this.#pods = this.#pods
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map((pod) => (pod.status?.phase === "Running" ? pod : this.#withState(pod, "ready")));
      if (before === JSON.stringify([this.#set, this.#pods, this.#revisions, this.#claims])) return lines;
    }
    throw new Error(`Not quiet after ${STEPS_MAX} steps`);
  }

  #change(ordinal: number, change: (pod: Pod) => Pod): void {
    this.#pods = this.#pods.map((pod) => (ordinalOf(this.#set, pod) === ordinal ? change(pod) : pod));
  }

  #withState(pod: Pod, state: string): Pod {
    const status = state === "ready" ? "True" : "False";
    const condition = { type: "Ready", status, lastTransitionTime: formatTime(this.#nowMs) };
    return { ...pod, status: { phase: state === "fail" ? "Failed" : "Running", conditions: [condition] } };
  }

  #alias(name: string): string {
    const revision = this.#revisions.find(({ metadata }) => metadata.name === name);
    return revision === undefined ? name : imageOf(atRevision(this.#set, revision));
  }

  #withAliases(text: string): string {
    const names = this.#revisions.map(({ metadata }) => metadata.name);
    return names.reduce((result, name) => result.replaceAll(name, this.#alias(name)), text);
  }
}

function imageOf({ spec }: StatefulSet): string {
  return spec?.template.spec?.containers[0]?.image ?? "";
}

function newTemplate(name: string): PersistentVolumeClaim {
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name }, spec: {} };
}

function newSet(): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "web", namespace: "default", uid: "uid-web", generation: 0, creationTimestamp: START },
    spec: {
      replicas: 3,
      serviceName: "web",
      selector: { matchLabels: { app: "web" } },
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image: "v1" }] },
      },
      revisionHistoryLimit: 10,
    },
  };
}
