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
import type { RequestMetrics } from "./request-metrics.ts";
import type { Route } from "./route.ts";

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

const SYSTEM_PATHS = ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"];

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

export function healthRoute(checks: Readonly<Record<string, readonly HealthCheck[]>>, logger: Logger): Route {
  return {
    matches: (path) => HEALTH_PATH.test(path),
    async handle(request) {
      const [, endpoint = "", name] = HEALTH_PATH.exec(request.path)!;
      const all = checks[endpoint]!;
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

export function metricsRoute(metrics: Metrics, requests: RequestMetrics): Route {
  return {
    matches: (path) => path === "/metrics",
    async handle() {
      const body = requests.render() + (await metrics.expose());
      return { type: "bytes", status: 200, contentType: metrics.contentType, body };
    },
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
