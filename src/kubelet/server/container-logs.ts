/** GET /containerLogs/NAMESPACE/POD/CONTAINER. @module */
import type { ServerResponse } from "node:http";
import { once } from "node:events";
import type { ContainerStatus, Pod } from "#api/core/v1/types.gen";
import { containerNamed } from "../container/pod-spec.ts";
import { type LogOptions, readLogs } from "./logs.ts";
import { HttpError, requirePod, type ServerHost } from "./server-host.ts";

export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
}

export async function serveContainerLogs(
  host: ServerHost,
  request: LogRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { query } = request;
  const pod = requirePod(host, request.namespace, request.pod);
  if (containerNamed(pod, request.container) === undefined) {
    throw new HttpError(
      404,
      `container ${JSON.stringify(request.container)} not found in pod ${JSON.stringify(request.pod)}`,
    );
  }
  const options = parseLogOptions(query, host.clock.now());
  const target = findLog(host, pod, request.container, isTrue(query.get("previous")));
  const source = {
    path: target.path,
    clock: host.clock,
    isRunning: () => isRunning(host, pod, target.id),
  };
  response.writeHead(200, { "content-type": "text/plain", "transfer-encoding": "chunked" });
  response.flushHeaders();
  try {
    for await (const chunk of readLogs(source, options, signal)) {
      if (!response.write(chunk)) await once(response, "drain", { signal });
    }
  } catch (err) {
    // Runtimes that write no logs, and files that went with their pod.
    if ((err as NodeJS.ErrnoException).code !== "ENOENT" && !signal.aborted) throw err;
  }
  response.end();
}

/** Throws `HttpError` 422 for values that make no sense, with the names of PodLogOptions. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const whole = (name: string, min: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < min) {
      throw new HttpError(
        422,
        `${name}: Invalid value: ${text}: must be an integer greater than or equal to ${min}`,
      );
    }
    return value;
  };
  const tailLines = whole("tailLines", 0);
  const limitBytes = whole("limitBytes", 1);
  const sinceSeconds = whole("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  const sinceMs =
    sinceTime === null
      ? sinceSeconds === undefined
        ? undefined
        : nowMs - sinceSeconds * 1000
      : Date.parse(sinceTime);
  if (sinceMs !== undefined && Number.isNaN(sinceMs)) {
    throw new HttpError(422, `sinceTime: Invalid value: ${JSON.stringify(sinceTime)}: must be a time`);
  }
  const stream = query.get("stream");
  return {
    follow: isTrue(query.get("follow")),
    timestamps: isTrue(query.get("timestamps")),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...((stream === "All" || stream === "Stdout" || stream === "Stderr") && { stream }),
  };
}

/**
 * The newest instance that has run: while the next one is only being made, the one before. With `previous` the one before the
 * newest; a newest that has ended is its own previous while it waits.
 */
function findLog(
  host: ServerHost,
  pod: Pod,
  name: string,
  previous: boolean,
): { readonly id: string; readonly path: string } {
  const instances = (host.runtimePod(pod.metadata.uid ?? "")?.containers ?? []).filter(
    (c) => c.name === name && c.state !== "created",
  );
  const [newest, before] = instances;
  const isWaiting = statusOf(pod, name)?.state?.waiting !== undefined;
  const found = previous ? (isWaiting && newest?.state === "exited" ? newest : before) : newest;
  if (found !== undefined) return { id: found.id, path: found.logPath };
  const quotedPod = JSON.stringify(pod.metadata.name);
  if (previous) {
    throw new HttpError(
      400,
      `previous terminated container ${JSON.stringify(name)} in pod ${quotedPod} not found`,
    );
  }
  const reason = statusOf(pod, name)?.state?.waiting?.reason ?? "ContainerCreating";
  throw new HttpError(
    400,
    `container ${JSON.stringify(name)} in pod ${quotedPod} is waiting to start: ${explain(reason)}`,
  );
}

function explain(reason: string): string {
  switch (reason) {
    case "ErrImagePull":
      return "image can't be pulled";
    case "ImagePullBackOff":
      return "trying and failing to pull image";
    default:
      return reason;
  }
}

function statusOf(pod: Pod, name: string): ContainerStatus | undefined {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    (s) => s.name === name,
  );
}

function isRunning(host: ServerHost, pod: Pod, id: string): boolean {
  return (
    host.runtimePod(pod.metadata.uid ?? "")?.containers.some((c) => c.id === id && c.state === "running") ===
    true
  );
}

function isTrue(text: string | null): boolean {
  return text === "true" || text === "1";
}
