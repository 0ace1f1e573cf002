/** Counts what became of every pod of every Job, so that the Jobs' own counts can be checked. @module */
import type { Job } from "#api/batch/v1/types.gen";
import type { Pod } from "#api/core/v1/types.gen";
import { controllerOf, keyOf } from "#apimachinery";

const INDEX = "batch.kubernetes.io/job-completion-index";

interface Account {
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
  readonly indexes: Set<number>;
}

export class JobLedger {
  readonly #accounts = new Map<string, Account>();
  readonly #fail: (message: string) => void;

  constructor(fail: (message: string) => void) {
    this.#fail = fail;
  }

  pod(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== "Job") return;
    const account = this.#account(owner.uid);
    const { uid = "", deletionTimestamp, annotations } = pod.metadata;
    if (pod.status?.phase === "Succeeded") {
      account.succeeded.add(uid);
      account.indexes.add(Number(annotations?.[INDEX] ?? -1));
    } else if (pod.status?.phase === "Failed" || deletionTimestamp !== undefined) account.failed.add(uid);
  }

  /** Counts never go back, never exceed what happened, and a complete Job has all its completions. */
  changed(job: Job, old: Job | undefined): void {
    const { succeeded = 0, failed = 0, completedIndexes, conditions = [] } = job.status ?? {};
    const account = this.#account(job.metadata.uid ?? "");
    const says = (what: string): void => this.#fail(`Job ${keyOf(job)} ${what}`);
    const isIndexed = job.spec?.completionMode === "Indexed";
    // An index may succeed, or fail, twice in two pods, and counts once as a success.
    if (succeeded > account.succeeded.size)
      says(`counts ${succeeded} successes of ${account.succeeded.size}`);
    if (failed > account.failed.size) says(`counts ${failed} failures of ${account.failed.size}`);
    if (!isIndexed && succeeded < (old?.status?.succeeded ?? 0)) says(`forgets successes: ${succeeded}`);
    if (failed < (old?.status?.failed ?? 0)) says(`forgets failures: ${failed}`);
    const complete = conditions.some(({ type, status }) => type === "Complete" && status === "True");
    if (complete && succeeded < (job.spec?.completions ?? 1)) says(`is complete with ${succeeded} successes`);
    if (!isIndexed) return;
    const indexes = indexesOf(completedIndexes);
    if (indexes.length !== succeeded) says(`counts ${succeeded} successes and indexes ${completedIndexes}`);
    for (const index of indexes)
      if (!account.indexes.has(index)) says(`completed index ${index}, of which no pod succeeded`);
  }

  #account(uid: string): Account {
    let account = this.#accounts.get(uid);
    if (account === undefined) {
      account = { succeeded: new Set(), failed: new Set(), indexes: new Set() };
      this.#accounts.set(uid, account);
    }
    return account;
  }
}

/** `1,3-5` as numbers, each as often as it is named. */
function indexesOf(text = ""): readonly number[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first, last = first] = part.split("-").map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
}
