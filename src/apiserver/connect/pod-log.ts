/** `pods/log`: the kubelet's answer, handed on. @module */
import { field, invalid, StatusError, type StatusCause } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import type { ResourceRequest } from "../handlers/handler-context.ts";
import type { Result } from "../handlers/request.ts";
import type { SubresourceHandlers } from "../handlers/subresources.ts";
import { readText, requestBackend, streamResult } from "./backend-request.ts";
import { containerOf } from "./container.ts";
import type { KubeletConnection } from "./kubelet-connection.ts";

const PARAMETERS = [
  "follow",
  "previous",
  "timestamps",
  "sinceSeconds",
  "sinceTime",
  "tailLines",
  "limitBytes",
  "stream",
];
const ERROR_LENGTH_MAX = 4096;

export function podLogHandlers(kubelets: KubeletConnection): SubresourceHandlers {
  return { get: (routed) => handleLog(routed, kubelets) };
}

async function handleLog(
  { request, info, served }: ResourceRequest,
  kubelets: KubeletConnection,
): Promise<Result> {
  const { query, signal } = request;
  const { namespace, name } = info;
  const pod = (await served.store.get(namespace, name)).object as Pod;
  validate(query, name);
  const container = containerOf(pod, query.get("container") ?? "");
  const nodeName = pod.spec?.nodeName ?? "";
  // Nothing has run yet, so nothing was written.
  if (nodeName === "") return { type: "bytes", status: 200, contentType: "text/plain", body: "" };
  const parameters = new URLSearchParams();
  for (const parameter of PARAMETERS) {
    const value = query.get(parameter);
    if (value !== null && value !== "") parameters.set(parameter, value);
  }
  const path = `/containerLogs/${namespace}/${name}/${container}`;
  const backend = kubelets.backend(nodeName, path, parameters);
  const response = await requestBackend(backend, { method: "GET", headers: {} }, signal, unreachable);
  const status = response.statusCode ?? 502;
  if (status >= 400) throw refusal(status, await readText(response, ERROR_LENGTH_MAX), name);
  return streamResult(response);
}

function validate(query: URLSearchParams, name: string): void {
  const causes: StatusCause[] = [];
  const atLeast = (parameter: string, min: number): void => {
    const text = query.get(parameter);
    if (text === null || text === "") return;
    const value = Number(text);
    if (!Number.isInteger(value) || value < min) {
      causes.push(field.invalid(parameter, text, `must be greater than or equal to ${min}`));
    }
  };
  atLeast("tailLines", 0);
  atLeast("limitBytes", 1);
  atLeast("sinceSeconds", 1);
  if (query.has("sinceSeconds") && query.has("sinceTime")) {
    causes.push(
      field.forbidden("sinceSeconds", "at most one of `sinceTime` or `sinceSeconds` may be specified"),
    );
  }
  if (causes.length > 0) throw invalid({ group: "", kind: "PodLogOptions" }, name, causes);
}

function unreachable(why: string, { href }: URL, cause: unknown): StatusError {
  return new StatusError("Unknown", `Get ${JSON.stringify(href)}: ${why}`, { cause });
}

function refusal(status: number, text: string, podName: string): StatusError {
  const message = text.trim();
  if (status === 400) return new StatusError("BadRequest", message);
  if (status === 404) {
    return new StatusError(
      "NotFound",
      `the server could not find the requested resource ( pods/log ${podName})${message === "" ? "" : `: ${message}`}`,
    );
  }
  if (status === 500) return new StatusError("InternalError", `Internal error occurred: ${message}`);
  return new StatusError("Unknown", `${message} ( pods/log ${podName})`, { code: status });
}
