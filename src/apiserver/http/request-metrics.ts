/** Counts and durations of requests under Kubernetes' own metric names. Kept as plain numbers: this is on the path of every request. @module */
import type { RequestInfo } from "./request-info.ts";

const BUCKETS_SECONDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const;
/** Distinct label sets; verbs and resources are few, so only an attacker's paths could reach this. */
const SERIES_MAX = 10_000;

interface Series {
  readonly labels: string;
  readonly codes: Map<number, number>;
  readonly buckets: number[];
  sum: number;
  count: number;
}

export class RequestMetrics {
  readonly #series = new Map<string, Series>();

  observe(info: RequestInfo, isServed: boolean, code: number, seconds: number): void {
    const { verb, group, version, resource, subresource } = info;
    const scope = isServed ? scopeOf(info) : "";
    const key = isServed ? `${verb} ${group} ${version} ${resource} ${subresource} ${scope}` : verb;
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX) return;
      this.#series.set(key, (series = newSeries(info, isServed, scope)));
    }
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    series.count++;
    series.sum += seconds;
    const bucket = BUCKETS_SECONDS.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) series.buckets[bucket]!++;
  }

  /** Prometheus' text format. */
  render(): string {
    const total = [
      "# HELP apiserver_request_total Requests answered, by verb, resource and code.",
      "# TYPE apiserver_request_total counter",
    ];
    const duration = [
      "# HELP apiserver_request_duration_seconds Time from request to answer; watches not counted.",
      "# TYPE apiserver_request_duration_seconds histogram",
    ];
    for (const series of this.#series.values()) {
      for (const [code, count] of series.codes) {
        total.push(`apiserver_request_total{code="${code}",${series.labels}} ${count}`);
      }
      duration.push(...histogram(series));
    }
    return `${[...total, ...duration].join("\n")}\n`;
  }
}

function histogram({ labels, buckets, count, sum }: Series): readonly string[] {
  const name = "apiserver_request_duration_seconds";
  let below = 0;
  return [
    ...BUCKETS_SECONDS.map((limit, i) => `${name}_bucket{${labels},le="${limit}"} ${(below += buckets[i]!)}`),
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

function newSeries(info: RequestInfo, isResource: boolean, scope: string): Series {
  const { verb, group, version, resource, subresource } = info;
  const labels = Object.entries({
    component: "apiserver",
    dry_run: "",
    group: isResource ? group : "",
    resource: isResource ? resource : "",
    scope,
    subresource: isResource ? subresource : "",
    verb: upstreamVerb(verb),
    version: isResource ? version : "",
  });
  return {
    labels: labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(","),
    codes: new Map(),
    buckets: BUCKETS_SECONDS.map(() => 0),
    sum: 0,
    count: 0,
  };
}

function scopeOf({ name, namespace }: RequestInfo): string {
  if (name !== "") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}

/** Dashboards know HTTP's names for the writing verbs. */
function upstreamVerb(verb: string): string {
  return { create: "POST", update: "PUT" }[verb] ?? verb.toUpperCase();
}
