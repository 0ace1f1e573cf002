/** /version, health and /metrics. @module */
import {
  runHealthCheck,
  runHealthChecks,
  versionInfo,
  type BuildInfo,
  type HealthCheck,
  type Metrics,
} from "#component-base";
import { StatusError, type Logger } from "#apimachinery";
import type { ApiRequest, Result } from "../handlers/request.ts";
import { queryValue } from "../handlers/request.ts";
import type { HealthSlis } from "./health-slis.ts";
import type { Route } from "./route.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const HEALTH_PATH = /^\/(healthz|livez|readyz)(?:\/(.*))?$/;

export function versionRoute(build: BuildInfo): Route {
  const value = versionInfo(build);
  return {
    matches: (path) => path === "/version" || path === "/version/",
    handle(request) {
      requireRead(request);
      return document(value);
    },
  };
}

/** `/`: what can be asked for, as `kubectl get --raw /` shows it. `apiPaths` are those of discovery as it stands. */
export function indexRoute(apiPaths: () => readonly string[]): Route {
  return {
    matches: (path) => path === "/",
    handle(request) {
      requireRead(request);
      const paths = [...apiPaths(), ...SYSTEM_PATHS].toSorted((a, b) => (a < b ? -1 : 1));
      return document({ paths });
    },
  };
}

const SYSTEM_PATHS = [
  "/healthz",
  "/livez",
  "/metrics",
  "/metrics/slis",
  "/openapi/v2",
  "/openapi/v3",
  "/readyz",
  "/version",
];

function requireRead({ method }: ApiRequest): void {
  if (method === "GET" || method === "HEAD") return;
  throw new StatusError(
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

function document(value: unknown): Result {
  return {
    type: "value",
    status: 200,
    value,
    as: { contentType: "application/json", format: "json", pretty: true },
  };
}

export interface HealthChecks {
  readonly healthz: readonly HealthCheck[];
  readonly livez: readonly HealthCheck[];
  readonly readyz: readonly HealthCheck[];
}

export function healthRoute(checks: HealthChecks, slis: HealthSlis, logger: Logger): Route {
  const observed: Readonly<Record<string, readonly HealthCheck[]>> = {
    healthz: slis.observed(checks.healthz, "healthz"),
    livez: slis.observed(checks.livez, "livez"),
    readyz: slis.observed(checks.readyz, "readyz"),
  };
  return {
    matches: (path) => HEALTH_PATH.test(path),
    async handle(request) {
      const [, endpoint = "", name] = HEALTH_PATH.exec(request.path)!;
      const all = observed[endpoint]!;
      if (name !== undefined && name !== "") {
        const single = await runHealthCheck(all, name, request.signal);
        return single === undefined ? notFound() : { type: "bytes", contentType: "", ...single };
      }
      const exclude = request.query.getAll("exclude");
      const verbose = request.query.has("verbose") && queryValue(request, "verbose") !== "false";
      const health = await runHealthChecks(all, { endpoint, verbose, exclude }, logger, request.signal);
      return { type: "bytes", contentType: "text/plain; charset=utf-8", ...health };
    },
  };
}

/** `others` show what they keep themselves. */
export function metricsRoute(metrics: Metrics, others: readonly (() => string)[]): Route {
  return {
    matches: (path) => path === "/metrics",
    async handle() {
      const body = others.map((render) => render()).join("") + (await metrics.expose());
      return { type: "bytes", status: 200, contentType: metrics.contentType, body };
    },
  };
}

export function slisRoute(slis: HealthSlis): Route {
  return {
    matches: (path) => path === "/metrics/slis",
    handle: () => ({ type: "bytes", status: 200, contentType: METRICS_TYPE, body: slis.render() }),
  };
}

function notFound(): Result {
  return {
    type: "bytes",
    status: 404,
    contentType: "text/plain; charset=utf-8",
    body: "404 page not found\n",
  };
}
