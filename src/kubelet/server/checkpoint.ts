/** `/checkpoint/NAMESPACE/POD/CONTAINER`: the runtime writes what a container is at this moment into a file. @module */
import { mkdir } from "node:fs/promises";
import { formatTime } from "#apimachinery";
import { RuntimeError } from "#cri";
import { allContainersOf } from "../container/pod-spec.ts";
import { HttpError, requirePod, type ServerHost } from "./server-host.ts";

export interface CheckpointRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
}

/** The files that were written. */
export interface CheckpointAnswer {
  readonly items: readonly string[];
}

export async function checkpointContainer(
  host: ServerHost,
  request: CheckpointRequest,
  signal: AbortSignal,
): Promise<CheckpointAnswer> {
  const { namespace, container: name, query } = request;
  const pod = requirePod(host, namespace, request.pod);
  if (!allContainersOf(pod).some((container) => container.name === name))
    throw new HttpError(404, `container ${name} does not exist`);
  const timeout = query.getAll("timeout").at(-1) ?? "0";
  if (!/^[+-]?\d+$/u.test(timeout)) throw new HttpError(404, "cannot parse value of timeout parameter");
  const found = host
    .runtimePod(pod.metadata.uid ?? "")
    ?.containers.find((container) => container.name === name);
  try {
    if (found === undefined) throw new Error(`container ${name} not found`);
    const dir = `${host.rootDir}/checkpoints`;
    const time = formatTime(host.clock.now());
    const location = `${dir}/checkpoint-${request.pod}_${namespace}-${name}-${time}.tar`;
    if (host.platform.name === "linux") await mkdir(dir, { recursive: true, mode: 0o700 });
    await host.runtime.checkpointContainer(found.id, { location, timeoutSeconds: Number(timeout) }, signal);
    return { items: [location] };
  } catch (err) {
    signal.throwIfAborted();
    const why = err instanceof RuntimeError ? err.describe() : (err as Error).message;
    throw new HttpError(500, `checkpointing of ${namespace}/${request.pod}/${name} failed (${why})`, {
      cause: err,
    });
  }
}
