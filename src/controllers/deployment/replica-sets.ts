/** The ReplicaSets of a Deployment as a plan sees and changes them. @module */
import type { Deployment, ReplicaSet } from "#api/apps/v1/types.gen";
import type { PodTemplateSpec } from "#api/core/v1/types.gen";
import { canonicalJSON, equalJSON, templateHash } from "../template-hash.ts";
import { newControllerRef } from "../controller-ref-manager.ts";
import { Deployments } from "#api/apps/v1/deployment";
import { newReplicaSetAnnotations, revisionOf, sizeAnnotations } from "./annotations.ts";

export const POD_TEMPLATE_HASH = "pod-template-hash";
const NAME_BYTES_MAX = 253;

/** One of a Deployment's ReplicaSets; `desired` is what the plan wants it to be. */
export class Draft {
  /** Undefined: to be created. */
  readonly stored: ReplicaSet | undefined;
  desired: ReplicaSet;

  constructor(stored: ReplicaSet | undefined, desired: ReplicaSet) {
    this.stored = stored;
    this.desired = desired;
  }

  get name(): string {
    return this.desired.metadata.name;
  }

  get replicas(): number {
    return this.desired.spec?.replicas ?? 1;
  }

  /** Never more than were asked for: a set that was made smaller may not have said yet that pods of it are gone. */
  get available(): number {
    const { spec, status } = this.stored ?? {};
    return Math.min(status?.availableReplicas ?? 0, spec?.replicas ?? 1);
  }

  get isChanged(): boolean {
    return this.stored !== this.desired;
  }

  /** True when the size changes. `always` refreshes the size annotations also when it does not. */
  scale(d: Deployment, replicas: number, always = false): boolean {
    const isResized = this.replicas !== replicas;
    if (!isResized && !always) return false;
    this.annotate({ ...this.desired.metadata.annotations, ...sizeAnnotations(d) });
    if (isResized) this.desired = { ...this.desired, spec: { ...this.desired.spec!, replicas } };
    return isResized;
  }

  annotate(annotations: Readonly<Record<string, string>>): void {
    if (equalJSON(annotations, this.desired.metadata.annotations ?? {})) return;
    this.desired = { ...this.desired, metadata: { ...this.desired.metadata, annotations } };
  }

  setMinReadySeconds(minReadySeconds: number): void {
    if ((this.desired.spec?.minReadySeconds ?? 0) === minReadySeconds) return;
    this.desired = { ...this.desired, spec: { ...this.desired.spec!, minReadySeconds } };
  }
}

/** The ReplicaSet of the current template (the oldest of them, if several), and all others, the oldest first. */
export function partition(
  d: Deployment,
  owned: readonly ReplicaSet[],
): { readonly current: Draft | undefined; readonly old: readonly Draft[] } {
  const drafts = owned.toSorted(byCreation).map((rs) => new Draft(rs, rs));
  const current = drafts.find(({ desired }) => isSameTemplate(desired.spec?.template, d.spec?.template));
  return { current, old: drafts.filter((draft) => draft !== current) };
}

/** The ReplicaSet to create for the current template, with no replicas yet. */
export function newDraft(d: Deployment, revision: bigint): Draft {
  const template = d.spec!.template;
  const hash = templateHash(template, d.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  const { selector } = d.spec!;
  const base = d.metadata.name.slice(0, NAME_BYTES_MAX - 1 - hash.length);
  const { minReadySeconds } = d.spec!;
  const annotations = { ...newReplicaSetAnnotations(d, {}, revision), ...sizeAnnotations(d) };
  const rs: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${base}-${hash}`,
      namespace: d.metadata.namespace!,
      labels,
      annotations,
      ownerReferences: [newControllerRef(d, Deployments)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  return new Draft(undefined, rs);
}

type Template = PodTemplateSpec | undefined;

/** Equal but for the hash that the Deployment adds itself. */
export function isSameTemplate(a: Template, b: Template): boolean {
  return a === b || textOf(a) === textOf(b);
}

/** Templates are compared at every reconcile and never change: their text is kept as long as they are. */
const texts = new WeakMap<object, string>();

function textOf(template: Template): string {
  if (template === undefined) return "";
  const known = texts.get(template);
  if (known !== undefined) return known;
  const text = canonicalJSON(withoutHash(template));
  texts.set(template, text);
  return text;
}

function withoutHash({ metadata = {}, ...rest }: PodTemplateSpec): unknown {
  const { labels = {}, ...others } = metadata;
  const { [POD_TEMPLATE_HASH]: _, ...own } = labels;
  return { ...rest, metadata: Object.keys(own).length > 0 ? { ...others, labels: own } : others };
}

export function isActive(draft: Draft): boolean {
  return draft.replicas > 0;
}

export function totalReplicas(drafts: readonly Draft[]): number {
  return drafts.reduce((sum, { replicas }) => sum + replicas, 0);
}

/** The sum of a count in the stored status. */
export function totalStatus(
  drafts: readonly Draft[],
  field: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas",
): number {
  return drafts.reduce((sum, { stored }) => sum + (stored?.status?.[field] ?? 0), 0);
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return (
    compareText(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") ||
    compareText(a.metadata.name, b.metadata.name)
  );
}

export function byRevision(a: Draft, b: Draft): number {
  const [first, second] = [revisionOf(a.desired), revisionOf(b.desired)];
  return Number(first > second) - Number(first < second) || byCreation(a.desired, b.desired);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
