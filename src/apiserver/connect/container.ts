/** Which container of a pod a request means. Pure. @module */
import { badRequest } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";

/** The named one, or the only one. Throws BadRequest. */
export function containerOf(pod: Pod, name: string): string {
  const { name: podName } = pod.metadata;
  const containers = (pod.spec?.containers ?? []).map((container) => container.name);
  const init = (pod.spec?.initContainers ?? []).map((container) => container.name);
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((container) => container.name);
  if (name !== "") {
    if ([...init, ...containers, ...ephemeral].includes(name)) return name;
    throw badRequest(`container ${name} is not valid for pod ${podName}`);
  }
  if (containers.length === 1 && init.length === 0) return containers[0]!;
  if (containers.length === 0) throw badRequest(`a container name must be specified for pod ${podName}`);
  const choice = `choose one of: [${containers.join(" ")}]`;
  const others = init.length > 0 ? ` or one of the init containers: [${init.join(" ")}]` : "";
  throw badRequest(`a container name must be specified for pod ${podName}, ${choice}${others}`);
}
