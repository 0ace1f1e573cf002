/** Metrics under CoreDNS' names. What every question counts is kept in plain numbers: thirty thousand a second pass here. @module */
import { Metrics, counter, exponentialBuckets, gauge, histogram } from "#component-base";
import type { ForwarderEvents } from "./forward/forwarder.ts";
import type { ForwardCache } from "./forward/forward-cache.ts";

const DURATION_BUCKETS = exponentialBuckets(0.000_25, 2, 16);
const SIZE_BUCKETS: readonly number[] = [
  0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000,
];
const RCODE_NAMES: Readonly<Record<number, string>> = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
};
const MS_PER_SECOND = 1_000;
const CACHE_LABELS = ["server", "type", "zones", "view"] as const;

export interface Traits {
  readonly protocol: "udp" | "tcp";
  readonly family: "1" | "2";
  /** Of the question; `other` for those that CoreDNS does not name either. */
  readonly type: string;
  readonly rcode: number;
  readonly plugin: "kubernetes" | "forward" | "cache" | "";
  /** That the name belongs to. */
  readonly zone: string;
}

/** The counts of all questions with the same traits. */
export class Series {
  readonly traits: Traits;
  count = 0;
  readonly durations: Distribution = new Distribution(DURATION_BUCKETS);
  readonly requestBytes: Distribution = new Distribution(SIZE_BUCKETS);
  readonly responseBytes: Distribution = new Distribution(SIZE_BUCKETS);

  constructor(traits: Traits) {
    this.traits = traits;
  }

  add(durationMs: number, requestBytes: number, responseBytes: number): void {
    this.count++;
    this.durations.add(durationMs / MS_PER_SECOND);
    this.requestBytes.add(requestBytes);
    this.responseBytes.add(responseBytes);
  }
}

class Distribution {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    let index = 0;
    while (index < this.bounds.length && value > this.bounds[index]!) index++;
    this.counts[index]!++;
    this.sum += value;
  }
}

export class DnsMetrics {
  /** Bounded: a few protocols, types, rcodes and zones. */
  readonly #series = new Map<string, Series>();
  readonly #server: string;
  readonly #others = new Metrics([
    counter("coredns_cache_hits_total", "The count of cache hits.", ...CACHE_LABELS),
    counter("coredns_cache_misses_total", "The count of cache misses.", "server", "zones", "view"),
    counter("coredns_cache_requests_total", "The count of cache requests.", "server", "zones", "view"),
    gauge("coredns_cache_entries", "The number of elements in the cache.", ...CACHE_LABELS),
    gauge("coredns_cache_evictions_total", "The count of cache evictions.", "server", "zones", "view"),
    histogram(
      "coredns_proxy_request_duration_seconds",
      DURATION_BUCKETS,
      "Histogram of the time each request took.",
      "proxy_name",
      "to",
      "rcode",
    ),
    counter(
      "coredns_proxy_healthcheck_failures_total",
      "Counter of the number of failed healthchecks.",
      "proxy_name",
      "to",
    ),
    counter(
      "coredns_forward_healthcheck_broken_total",
      "Counter of the number of complete failures of the healthchecks.",
    ),
    counter(
      "coredns_forward_max_concurrent_rejects_total",
      "Counter of the number of queries rejected because the concurrent queries were at maximum.",
    ),
  ]);

  /** `server` is CoreDNS' label: `dns://ADDRESS:PORT`. */
  constructor(server: string) {
    this.#server = server;
  }

  readonly contentType: string = this.#others.contentType;

  seriesOf(traits: Traits): Series {
    const { protocol, family, type, rcode, plugin, zone } = traits;
    const key = `${protocol} ${family} ${type} ${rcode} ${plugin} ${zone}`;
    let series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, (series = new Series(traits)));
    return series;
  }

  forwarderEvents(): ForwarderEvents {
    const common = { server: this.#server, zones: ".", view: "" };
    const others = this.#others;
    const proxy = { proxy_name: "forward" };
    return {
      cacheHit: (type) => {
        others.inc("coredns_cache_requests_total", common);
        others.inc("coredns_cache_hits_total", { ...common, type });
      },
      cacheMiss: () => {
        others.inc("coredns_cache_requests_total", common);
        others.inc("coredns_cache_misses_total", common);
      },
      rejected: () => others.inc("coredns_forward_max_concurrent_rejects_total"),
      allFailed: () => others.inc("coredns_forward_healthcheck_broken_total"),
      probeFailed: (to) => others.inc("coredns_proxy_healthcheck_failures_total", { ...proxy, to }),
      asked: (to, rcode, durationMs) => {
        const labels = { ...proxy, to, rcode: rcode === undefined ? "" : rcodeName(rcode) };
        others.observe("coredns_proxy_request_duration_seconds", labels, durationMs / MS_PER_SECOND);
      },
    };
  }

  watchCache(cache: ForwardCache): void {
    const common = { server: this.#server, zones: ".", view: "" };
    this.#others.onExpose(() => {
      for (const type of ["success", "denial"] as const)
        this.#others.set("coredns_cache_entries", { ...common, type }, cache.size(type));
      this.#others.set("coredns_cache_evictions_total", common, cache.evictions);
    });
  }

  async expose(): Promise<string> {
    return `${this.#questions().join("\n")}\n${await this.#others.expose()}`;
  }

  #questions(): readonly string[] {
    const all = [...this.#series.values()];
    const zoneOf = ({ zone }: Traits): string => `server="${this.#server}",zone="${zone}",view=""`;
    const withProtocol = (traits: Traits): string => `${zoneOf(traits)},proto="${traits.protocol}"`;
    const rcodeOf = (traits: Traits): string =>
      `${zoneOf(traits)},rcode="${rcodeName(traits.rcode)}",plugin="${traits.plugin}"`;
    const typeOf = (traits: Traits): string =>
      `${withProtocol(traits)},family="${traits.family}",type="${traits.type}"`;
    return [
      ...counterLines(
        "coredns_dns_requests_total",
        "Counter of DNS requests made per zone, protocol and family.",
        all,
        typeOf,
      ),
      ...counterLines("coredns_dns_responses_total", "Counter of response status codes.", all, rcodeOf),
      ...distributionLines(
        "coredns_dns_request_duration_seconds",
        "Histogram of the time (in seconds) each request took per zone.",
        Map.groupBy(all, ({ traits }) => zoneOf(traits)),
        ({ durations }) => durations,
      ),
      ...distributionLines(
        "coredns_dns_request_size_bytes",
        "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
        Map.groupBy(all, ({ traits }) => withProtocol(traits)),
        ({ requestBytes }) => requestBytes,
      ),
      ...distributionLines(
        "coredns_dns_response_size_bytes",
        "Size of the returned response in bytes.",
        Map.groupBy(all, ({ traits }) => withProtocol(traits)),
        ({ responseBytes }) => responseBytes,
      ),
    ];
  }
}

function rcodeName(rcode: number): string {
  return RCODE_NAMES[rcode] ?? String(rcode);
}

function headOf(name: string, help: string, type: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function counterLines(
  name: string,
  help: string,
  all: readonly Series[],
  labels: (traits: Traits) => string,
): readonly string[] {
  const groups = Map.groupBy(all, ({ traits }) => labels(traits));
  const sum = (series: readonly Series[]): number => series.reduce((total, { count }) => total + count, 0);
  return [
    ...headOf(name, help, "counter"),
    ...[...groups].map(([text, own]) => `${name}{${text}} ${sum(own)}`),
  ];
}

function distributionLines(
  name: string,
  help: string,
  groups: ReadonlyMap<string, readonly Series[]>,
  of: (series: Series) => Distribution,
): readonly string[] {
  const lines = [...headOf(name, help, "histogram")];
  for (const [labels, series] of groups) {
    const own = series.map(of);
    let count = 0;
    for (const [index, bound] of [...own[0]!.bounds, "+Inf"].entries()) {
      for (const { counts } of own) count += counts[index]!;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${count}`);
    }
    lines.push(`${name}_sum{${labels}} ${own.reduce((total, { sum }) => total + sum, 0)}`);
    lines.push(`${name}_count{${labels}} ${count}`);
  }
  return lines;
}
