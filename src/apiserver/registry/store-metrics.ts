/** How long the store takes, under the names that upstream gives to etcd: dashboards ask for these. @module */
import type { Clock } from "#apimachinery";
import { RevisionConflict, type Store, type Write } from "#storage";
import { Family, type Series } from "../http/metric-family.ts";
import { groupResourceOfKey, REGISTRY_PREFIX } from "../watchcache/storage-key.ts";

const BOUNDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const LABELS = ["group", "operation", "resource"];

type Operation = "get" | "list" | "create" | "update" | "delete";

interface OperationSeries {
  readonly duration: Series;
  readonly total: Series;
  readonly errors: () => Series;
}

export class StoreMetrics {
  readonly #durations = new Family(
    "histogram",
    "etcd_request_duration_seconds",
    "[ALPHA] Etcd request latency in seconds for each operation and object type.",
    LABELS,
    BOUNDS,
  );
  readonly #totals = new Family(
    "counter",
    "etcd_requests_total",
    "[ALPHA] Etcd request counts for each operation and object type.",
    LABELS,
  );
  readonly #errors = new Family(
    "counter",
    "etcd_request_errors_total",
    "[ALPHA] Etcd failed request counts for each operation and object type.",
    LABELS,
  );
  readonly #series = new Map<string, OperationSeries>();

  observe(operation: Operation, key: string, seconds: number, isFailed: boolean): void {
    const series = this.#seriesOf(operation, key);
    series.duration.observe(seconds);
    series.total.inc();
    if (isFailed) series.errors().inc();
  }

  render(): string {
    return [this.#durations, this.#totals, this.#errors].map((family) => family.render()).join("");
  }

  #seriesOf(operation: Operation, storeKey: string): OperationSeries {
    const resource = resourceIn(storeKey);
    const key = `${operation} ${resource}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const { group, resource: plural } = groupResourceOfKey(resource);
      const labels = [group, operation, plural];
      series = {
        duration: this.#durations.series(...labels),
        total: this.#totals.series(...labels),
        errors: () => this.#errors.series(...labels),
      };
      this.#series.set(key, series);
    }
    return series;
  }
}

/** `core/pods` of `/registry/core/pods/…`, and of a prefix of it. */
function resourceIn(storeKey: string): string {
  const group = storeKey.indexOf("/", REGISTRY_PREFIX.length);
  if (group < 0) return "core/";
  const end = storeKey.indexOf("/", group + 1);
  return storeKey.slice(REGISTRY_PREFIX.length, end < 0 ? undefined : end);
}

/** The same store, measured. Watches and compactions are not requests of anybody. */
export function meteredStore(store: Store, metrics: StoreMetrics, clock: Clock): Store {
  const timed = async <T>(operation: Operation, key: string, run: () => Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs();
    try {
      const result = await run();
      metrics.observe(operation, key, (clock.monotonicMs() - startedMs) / 1000, false);
      return result;
    } catch (err) {
      // a conflict is an answer
      const isFailed = !(err instanceof RevisionConflict);
      metrics.observe(operation, key, (clock.monotonicMs() - startedMs) / 1000, isFailed);
      throw err;
    }
  };
  return {
    get: (key) => timed("get", key, () => store.get(key)),
    range: (options) => timed("list", options.prefix, () => store.range(options)),
    commit(writes, options) {
      const [first] = writes;
      if (first === undefined) return store.commit(writes, options);
      return timed(operationOf(first), first.key, () => store.commit(writes, options));
    },
    watch: (...args) => store.watch(...args),
    ...(store.requestProgress !== undefined && { requestProgress: () => store.requestProgress?.() }),
    revision: () => store.revision(),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}

function operationOf({ value, ifRevision }: Write): Operation {
  if (value === undefined) return "delete";
  return ifRevision === 0 ? "create" : "update";
}
