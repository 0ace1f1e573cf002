/** Counts, durations and sizes of requests under Kubernetes' own metric names. Kept as plain numbers: this is on the path of every request. @module */
import { headerValue } from "../handlers/request.ts";
import { Family, type Series } from "./metric-family.ts";
import type { RequestInfo } from "./request-info.ts";

const DURATION_BOUNDS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const SLI_BOUNDS = DURATION_BOUNDS.slice(2);
const SIZE_BOUNDS = Array.from({ length: 7 }, (_, i) => 1000 * 10 ** i);
const BODY_BOUNDS = Array.from({ length: 31 }, (_, i) => 50_000 + 100_000 * i);
const EVENT_BOUNDS = Array.from({ length: 8 }, (_, i) => 1024 * 2 ** i);
const AUTH_BOUNDS = Array.from({ length: 15 }, (_, i) => Number((0.001 * 2 ** i).toPrecision(6)));

const WITHOUT_DRY_RUN = ["verb", "group", "version", "resource", "subresource", "scope"];
const COMMON = ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"];
const COMPONENT = "apiserver";

/** What is known of an answered request. */
export interface Observation {
  readonly code: number;
  readonly seconds: number;
  /** Of those, how long others were waited for: webhooks, the queue. They do not count for the SLI. */
  readonly waitedSeconds?: number;
  readonly responseBytes: number;
  readonly requestBytes: number;
  /** As the query says it. */
  readonly dryRun: string;
}

interface RequestSeries {
  readonly labels: readonly string[];
  readonly duration: Series;
  readonly sli: Series | undefined;
  readonly sizes: Series | undefined;
  readonly bodies: Series | undefined;
  readonly codes: Map<number, Series>;
}

/** The series of one watch's resource. */
export interface WatchSeries {
  readonly events: Series;
  readonly sizes: Series;
}

export class RequestMetrics {
  readonly #known = new Map<string, RequestSeries>();
  readonly #total = counter(
    "apiserver_request_total",
    "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.",
    [...COMMON, "code"],
  );
  readonly #duration = histogram(
    "apiserver_request_duration_seconds",
    "[STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.",
    COMMON,
    DURATION_BOUNDS,
  );
  readonly #sli = histogram(
    "apiserver_request_sli_duration_seconds",
    "[ALPHA] Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.",
    [...WITHOUT_DRY_RUN, "component"],
    SLI_BOUNDS,
  );
  readonly #sizes = histogram(
    "apiserver_response_sizes",
    "[STABLE] Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
    [...WITHOUT_DRY_RUN, "component"],
    SIZE_BOUNDS,
  );
  readonly #bodies = histogram(
    "apiserver_request_body_size_bytes",
    "[ALPHA] Apiserver request body size in bytes broken out by resource and verb.",
    ["group", "resource", "verb"],
    BODY_BOUNDS,
  );
  readonly #longRunning = new Family(
    "gauge",
    "apiserver_longrunning_requests",
    "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.",
    [...WITHOUT_DRY_RUN, "component"],
  );
  readonly #terminations = counter(
    "apiserver_request_terminations_total",
    "[ALPHA] Number of requests which apiserver terminated in self-defense.",
    [...WITHOUT_DRY_RUN, "component", "code"],
  );
  readonly #aborts = counter(
    "apiserver_request_aborts_total",
    "[ALPHA] Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope",
    WITHOUT_DRY_RUN,
  );
  readonly #watchEvents = counter(
    "apiserver_watch_events_total",
    "[ALPHA] Number of events sent in watch clients",
    ["group", "version", "resource"],
  );
  readonly #watchSizes = histogram(
    "apiserver_watch_events_sizes",
    "[ALPHA] Watch event size distribution in bytes",
    ["group", "version", "resource"],
    EVENT_BOUNDS,
  );
  readonly #deprecated = new Family(
    "gauge",
    "apiserver_requested_deprecated_apis",
    "[STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.",
    ["group", "version", "resource", "subresource", "removed_release"],
  );
  readonly #authenticated = counter(
    "authenticated_user_requests",
    "[ALPHA] Counter of authenticated requests broken out by username.",
    ["username"],
  );
  readonly #authentications = counter(
    "authentication_attempts",
    "[ALPHA] Counter of authenticated attempts.",
    ["result"],
  );
  readonly #authenticationTime = histogram(
    "authentication_duration_seconds",
    "[ALPHA] Authentication duration in seconds broken out by result.",
    ["result"],
    AUTH_BOUNDS,
  );
  readonly #authorizations = counter(
    "authorization_attempts_total",
    "[ALPHA] Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
    ["result"],
  );
  readonly #authorizationTime = histogram(
    "authorization_duration_seconds",
    "[ALPHA] Authorization duration in seconds broken out by result.",
    ["result"],
    AUTH_BOUNDS,
  );

  /** `isServed`: the path names a resource that there is; others are counted together. */
  observe(info: RequestInfo, verb: string, isServed: boolean, observation: Observation): void {
    const { code, seconds, waitedSeconds = 0, responseBytes, requestBytes, dryRun } = observation;
    const series = this.#seriesOf(info, verb, isServed, dryRun);
    let total = series.codes.get(code);
    if (total === undefined) {
      series.codes.set(code, (total = this.#total.series(...series.labels, String(code))));
    }
    total.inc();
    series.duration.observe(seconds);
    series.sli?.observe(Math.max(0, seconds - waitedSeconds));
    series.sizes?.observe(responseBytes);
    if (requestBytes > 0) series.bodies?.observe(requestBytes);
  }

  /** Returns what ends the request's part in the gauge. */
  longRunning(info: RequestInfo, verb: string, isServed: boolean): () => void {
    const series = this.#longRunning.series(...labelsOf(info, verb, isServed), COMPONENT);
    series.inc();
    return () => series.inc(-1);
  }

  /** Refused or cut to keep the server alive. */
  terminated(info: RequestInfo, verb: string, isServed: boolean, code: number): void {
    this.#terminations.series(...labelsOf(info, verb, isServed), COMPONENT, String(code)).inc();
  }

  /** The answer broke off. */
  aborted(info: RequestInfo, verb: string, isServed: boolean): void {
    this.#aborts.series(...labelsOf(info, verb, isServed)).inc();
  }

  watch({ group, version, resource }: RequestInfo): WatchSeries {
    return {
      events: this.#watchEvents.series(group, version, resource),
      sizes: this.#watchSizes.series(group, version, resource),
    };
  }

  deprecated({ group, version, resource, subresource }: RequestInfo, removedRelease: string): void {
    this.#deprecated.series(group, version, resource, subresource, removedRelease).set(1);
  }

  /** `userName` of a success. */
  authenticated(result: "success" | "failure" | "error", seconds: number, userName?: string): void {
    if (userName !== undefined) this.#authenticated.series(compressed(userName)).inc();
    this.#authentications.series(result).inc();
    this.#authenticationTime.series(result).observe(seconds);
  }

  authorized(result: "allowed" | "denied" | "no-opinion" | "error", seconds: number): void {
    this.#authorizations.series(result).inc();
    this.#authorizationTime.series(result).observe(seconds);
  }

  /** Prometheus' text format. */
  render(): string {
    const families = [
      this.#total,
      this.#duration,
      this.#sli,
      this.#sizes,
      this.#bodies,
      this.#longRunning,
      this.#terminations,
      this.#aborts,
      this.#watchEvents,
      this.#watchSizes,
      this.#deprecated,
      this.#authenticated,
      this.#authentications,
      this.#authenticationTime,
      this.#authorizations,
      this.#authorizationTime,
    ];
    return families.map((family) => family.render()).join("");
  }

  #seriesOf(info: RequestInfo, verb: string, isServed: boolean, dryRun: string): RequestSeries {
    const { group, version, resource, subresource } = info;
    const scope = scopeOf(info);
    const key = isServed
      ? `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${dryRun}`
      : `${verb} ${scope}`;
    let series = this.#known.get(key);
    if (series === undefined) this.#known.set(key, (series = this.#newSeries(info, verb, isServed, dryRun)));
    return series;
  }

  #newSeries(info: RequestInfo, verb: string, isServed: boolean, dryRun: string): RequestSeries {
    const [shown = "", ...rest] = labelsOf(info, verb, isServed);
    const labels = [shown, dryRun, ...rest, COMPONENT];
    const plain = [shown, ...rest, COMPONENT];
    const isRead = shown === "GET" || shown === "LIST";
    const isWrite =
      isServed && ["create", "update", "patch", "delete", "deletecollection"].includes(info.verb);
    const bodyVerb = info.verb === "deletecollection" ? "delete_collection" : info.verb;
    return {
      labels,
      duration: this.#duration.series(...labels),
      sli: dryRun === "" ? this.#sli.series(...plain) : undefined,
      sizes: isRead ? this.#sizes.series(...plain) : undefined,
      bodies: isWrite ? this.#bodies.series(info.group, info.resource, bodyVerb) : undefined,
      codes: new Map(),
    };
  }
}

function counter(name: string, help: string, labels: readonly string[]): Family {
  return new Family("counter", name, help, labels);
}

function histogram(name: string, help: string, labels: readonly string[], bounds: readonly number[]): Family {
  return new Family("histogram", name, help, labels, bounds);
}

function labelsOf(info: RequestInfo, verb: string, isServed: boolean): readonly string[] {
  const { group, version, resource, subresource } = info;
  if (!isServed) return [verb, "", "", "", "", scopeOf(info)];
  return [verb, group, version, resource, subresource, scopeOf(info)];
}

function scopeOf({ name, namespace, verb, isResourceRequest }: RequestInfo): string {
  if (name !== "" || verb === "create") return "resource";
  if (namespace !== "") return "namespace";
  return isResourceRequest ? "cluster" : "";
}

const METHODS: ReadonlySet<string> = new Set([
  "APPLY",
  "CONNECT",
  "DELETE",
  "GET",
  "LIST",
  "PATCH",
  "POST",
  "PUT",
  "WATCH",
]);
const CONNECTS: ReadonlySet<string> = new Set(["log", "exec", "portforward", "attach", "proxy"]);

/** Upstream's `cleanVerb`: HTTP's names for the writing verbs, and its own for what is more than those. */
export function metricVerb(
  info: RequestInfo,
  request: { readonly method: string; readonly headers: Parameters<typeof headerValue>[0]["headers"] },
): string {
  if (info.isResourceRequest && CONNECTS.has(info.subresource)) return "CONNECT";
  if (info.verb === "list" || info.verb === "watch") return info.verb.toUpperCase();
  const { method } = request;
  if (method === "HEAD") return "GET";
  if (method === "PATCH" && headerValue(request, "content-type").startsWith("application/apply-patch+")) {
    return "APPLY";
  }
  return METHODS.has(method) ? method : "other";
}

/** Upstream's `cleanDryRun`. */
export function metricDryRun(query: URLSearchParams): string {
  if (query.size === 0 || !query.has("dryRun")) return "";
  const values = new Set(query.getAll("dryRun"));
  return [...values].every((value) => value === "All") ? "All" : "invalid";
}

/** User names are many, and nobody's business. */
function compressed(name: string): string {
  const known = ["admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"];
  if (known.includes(name)) return name;
  return name.includes("@") ? "email_id" : "other";
}
