/** `/healthz`, `/livez`, `/readyz` and their single checks, with upstream's texts. @module */
import { messageOf, type Logger } from "#apimachinery";

export interface HealthCheck {
  readonly name: string;
  /** Throws (or rejects) when unhealthy. Must be quick: probes wait for it. */
  check(signal: AbortSignal): void | Promise<void>;
}

export interface HealthRequest {
  /** "healthz", "livez" or "readyz". */
  readonly endpoint: string;
  readonly verbose: boolean;
  readonly exclude: readonly string[];
}

export interface HealthResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Always healthy: that it answers is the news. */
export const pingCheck: HealthCheck = { name: "ping", check: () => {} };

/** A check that is unhealthy until `done` is called; for what must happen once before serving. */
export function latchCheck(name: string): HealthCheck & { done(): void } {
  let isDone = false;
  return {
    name,
    check() {
      if (!isDone) throw new Error("not finished");
    },
    done() {
      isDone = true;
    },
  };
}

/** All checks at once: `ok`, or a list when asked for or when one fails. Reasons go to the log, not to the public. */
export async function runHealthChecks(
  checks: readonly HealthCheck[],
  request: HealthRequest,
  logger: Logger,
  signal: AbortSignal,
): Promise<HealthResponse> {
  const { endpoint, exclude } = request;
  const run = checks.length === 0 ? [pingCheck] : checks;
  const lines: string[] = [];
  let isHealthy = true;
  for (const check of run) {
    const error = exclude.includes(check.name) ? undefined : await failureOf(check, signal);
    if (error !== undefined) {
      isHealthy = false;
      logger.warn("health check failed", { endpoint, check: check.name, err: error.reason });
    }
    lines.push(lineOf(check, exclude, error !== undefined));
  }
  const unknown = [...new Set(exclude)]
    .filter((name) => !run.some((check) => check.name === name))
    .toSorted();
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(", ");
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}\n`);
  }
  if (!isHealthy) return failure(`${lines.join("")}${endpoint} check failed\n`);
  return success(request.verbose ? `${lines.join("")}${endpoint} check passed\n` : "ok");
}

/** `/livez/<name>`; undefined when there is no such check. Whoever may ask for one check sees its reason. */
export async function runHealthCheck(
  checks: readonly HealthCheck[],
  name: string,
  signal: AbortSignal,
): Promise<HealthResponse | undefined> {
  const run = checks.length === 0 ? [pingCheck] : checks;
  const check = run.find((candidate) => candidate.name === name);
  if (check === undefined) return undefined;
  const error = await failureOf(check, signal);
  if (error === undefined) return success("ok");
  const message = messageOf(error.reason);
  return failure(`internal server error: ${message}\n`);
}

function lineOf(check: HealthCheck, exclude: readonly string[], failed: boolean): string {
  if (exclude.includes(check.name)) return `[+]${check.name} excluded: ok\n`;
  return failed ? `[-]${check.name} failed: reason withheld\n` : `[+]${check.name} ok\n`;
}

async function failureOf(
  check: HealthCheck,
  signal: AbortSignal,
): Promise<{ readonly reason: unknown } | undefined> {
  try {
    await check.check(signal);
    return undefined;
  } catch (err) {
    return { reason: err };
  }
}

const HEADERS = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" } as const;

function success(body: string): HealthResponse {
  return { status: 200, headers: HEADERS, body };
}

function failure(body: string): HealthResponse {
  return { status: 500, headers: HEADERS, body };
}
