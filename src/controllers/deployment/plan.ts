/** The decision of the Deployment controller, without clock, cache or network. @module */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "#api/apps/v1/types.gen";
import { newReplicaSetAnnotations, REVISION, revisionOf } from "./annotations.ts";
import { conditionOf, newCondition, withCondition } from "./conditions.ts";
import { isRollingUpdate, progressDeadlineMs, revisionHistoryLimit } from "./fenceposts.ts";
import { newReplicas, rollForward } from "./rolling.ts";
import type { Draft } from "./replica-sets.ts";
import { byRevision, isActive, newDraft, partition, totalStatus } from "./replica-sets.ts";
import { isScalingEvent, scale } from "./scale.ts";
import { calculateStatus, isComplete, progressCheckInMs, withProgress } from "./status.ts";

export interface Plan {
  /** To create, if it is not there: the ReplicaSet of the current template. */
  readonly create: ReplicaSet | undefined;
  /** To write; `from` is what is stored. */
  readonly update: readonly { readonly from: ReplicaSet; readonly to: ReplicaSet }[];
  readonly remove: readonly ReplicaSet[];
  /** The Deployment's own revision annotation; undefined: unchanged. */
  readonly revision: string | undefined;
  readonly status: DeploymentStatus;
  /** When to look at the progress deadline again. */
  readonly requeueAfterMs: number | undefined;
}

/** `livePods` counts, by the uid of an owned ReplicaSet, the pods that have not finished (Recreate waits for them). */
export interface Observed {
  readonly owned: readonly ReplicaSet[];
  readonly livePods: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/** A rollout takes many plans: each does at most one kind of scaling, and the ReplicaSets' next status brings the next. */
export function plan(d: Deployment, { owned, livePods, nowMs }: Observed): Plan {
  const rollout = new Rollout(d, owned, nowMs);
  const isDeleted = d.metadata.deletionTimestamp !== undefined;
  if (!isDeleted) rollout.notePause();
  rollout.syncRevision();
  if (isDeleted) return rollout.result("counts");
  if (d.spec?.paused === true || isScalingEvent(d, rollout.all)) {
    scale(d, rollout.current, rollout.old);
    if (d.spec?.paused === true) rollout.cleanUp();
    return rollout.result("counts");
  }
  const step = isRollingUpdate(d) ? rollout.rollingUpdate() : rollout.recreate(livePods);
  if (step === "unchanged" && isComplete(d, d.status ?? {})) rollout.cleanUp();
  return rollout.result("progress");
}

/** One plan in the making. */
class Rollout {
  readonly #d: Deployment;
  readonly #nowMs: number;
  readonly old: readonly Draft[];
  current: Draft | undefined;
  #conditions: readonly DeploymentCondition[];
  #revision: string | undefined;
  #remove: readonly Draft[] = [];

  constructor(d: Deployment, owned: readonly ReplicaSet[], nowMs: number) {
    const { current, old } = partition(d, owned);
    this.#d = d;
    this.#nowMs = nowMs;
    this.current = current;
    this.old = old;
    this.#conditions = d.status?.conditions ?? [];
  }

  get all(): readonly Draft[] {
    return this.current === undefined ? this.old : [...this.old, this.current];
  }

  /** While paused, no deadline runs; a deadline that has passed stays passed. */
  notePause(): void {
    const reason = conditionOf(this.#conditions, "Progressing")?.reason;
    if (progressDeadlineMs(this.#d) === undefined || reason === "ProgressDeadlineExceeded") return;
    const isPaused = this.#d.spec?.paused === true;
    if (isPaused && reason !== "DeploymentPaused") {
      this.#setProgressing("Unknown", "DeploymentPaused", "Deployment is paused");
    } else if (!isPaused && reason === "DeploymentPaused") {
      this.#setProgressing("Unknown", "DeploymentResumed", "Deployment is resumed");
    }
  }

  /** Gives the current ReplicaSet the highest revision, and the Deployment the same. */
  syncRevision(): void {
    if (this.current === undefined) return;
    const { desired } = this.current;
    const annotations = newReplicaSetAnnotations(
      this.#d,
      desired.metadata.annotations ?? {},
      this.#nextRevision(),
    );
    this.current.annotate(annotations);
    this.current.setMinReadySeconds(this.#d.spec?.minReadySeconds ?? 0);
    this.#setRevision(annotations[REVISION] ?? "");
    if (
      progressDeadlineMs(this.#d) !== undefined &&
      conditionOf(this.#conditions, "Progressing") === undefined
    ) {
      this.#setProgressing(
        "True",
        "FoundNewReplicaSet",
        `Found new replica set ${JSON.stringify(this.current.name)}`,
      );
    }
  }

  rollingUpdate(): "scaled" | "unchanged" {
    const current = this.#ensureCurrent();
    return rollForward(this.#d, current, this.old);
  }

  /** Everything old must be gone before anything new starts. */
  recreate(livePods: ReadonlyMap<string, number>): "scaled" | "waiting" | "unchanged" {
    const active = this.old.filter(isActive);
    for (const draft of active) draft.scale(this.#d, 0);
    if (active.length > 0) return "scaled";
    const others = [...livePods].filter(([uid]) => uid !== this.current?.stored?.metadata.uid);
    if (totalStatus(this.old, "replicas") > 0 || others.some(([, count]) => count > 0)) return "waiting";
    const current = this.#ensureCurrent();
    current.scale(this.#d, this.#d.spec?.replicas ?? 1);
    return "unchanged";
  }

  /** Old ReplicaSets beyond the history limit go, the oldest revision first; those that still do something stay. */
  cleanUp(): void {
    const limit = revisionHistoryLimit(this.#d);
    if (limit === undefined) return;
    const alive = this.old.filter(({ desired }) => desired.metadata.deletionTimestamp === undefined);
    const excess = alive.toSorted(byRevision).slice(0, Math.max(alive.length - limit, 0));
    this.#remove = excess.filter((draft) => {
      const { status, metadata } = draft.stored!;
      const isObserved = (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);
      return draft.replicas === 0 && (status?.replicas ?? 0) === 0 && isObserved;
    });
  }

  result(kind: "counts" | "progress"): Plan {
    const d = this.#d;
    const counts = calculateStatus(d, this.current, this.old, this.#conditions, this.#nowMs);
    const status = kind === "counts" ? counts : withProgress(d, counts, this.current, this.old, this.#nowMs);
    return {
      create: this.current?.stored === undefined ? this.current?.desired : undefined,
      update: this.all
        .filter((draft) => draft.stored !== undefined && draft.isChanged)
        .map((draft) => ({ from: draft.stored!, to: draft.desired })),
      remove: this.#remove.map((draft) => draft.stored!),
      revision: this.#revision,
      status,
      requeueAfterMs: d.spec?.paused === true ? undefined : progressCheckInMs(d, status, this.#nowMs),
    };
  }

  #ensureCurrent(): Draft {
    if (this.current !== undefined) return this.current;
    const revision = this.#nextRevision();
    const draft = newDraft(this.#d, revision);
    draft.scale(this.#d, newReplicas(this.#d, draft, this.old));
    this.current = draft;
    this.#setRevision(String(revision));
    if (progressDeadlineMs(this.#d) !== undefined) {
      this.#setProgressing(
        "True",
        "NewReplicaSetCreated",
        `Created new replica set ${JSON.stringify(draft.name)}`,
      );
    }
    return draft;
  }

  #nextRevision(): bigint {
    const revisions = this.old.map(({ desired }) => revisionOf(desired));
    return revisions.reduce((most, revision) => (revision > most ? revision : most), 0n) + 1n;
  }

  #setRevision(revision: string): void {
    if (this.#d.metadata.annotations?.[REVISION] !== revision) this.#revision = revision;
  }

  #setProgressing(status: "True" | "Unknown", reason: string, message: string): void {
    const condition = newCondition("Progressing", status, reason, message, this.#nowMs);
    this.#conditions = withCondition(this.#conditions, condition);
  }
}
