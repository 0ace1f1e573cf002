/** What events say of a resize: in words, and as JSON for programs. Pure; the form is upstream's. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf } from "../container/pod-spec.ts";

export function resizeMessage(what: string, pod: Pod, generation: number, error?: string): string {
  const summary = {
    ...(initContainersOf(pod).length > 0 && { initContainers: initContainersOf(pod).map(summarize) }),
    containers: containersOf(pod).map(summarize),
    generation,
    ...(error !== undefined && error !== "" && { error }),
  };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}

function summarize({ name, resources }: Container): Pick<Container, "name" | "resources"> {
  return { name, resources: resources ?? {} };
}
