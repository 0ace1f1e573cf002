/** Users of containers and the health of their devices, in the status of a pod. @module */
import { byteLength, field, isInRange } from "#apimachinery";
import { all, each, NONE, oneOf, type Causes } from "../../validation/common.ts";
import type { Container, ContainerStatus, LinuxContainerUser, Pod, ResourceStatus } from "./types.gen.ts";

const ID_MAX = 2 ** 31 - 1;
const MESSAGE_BYTES_MAX = 1024;
const CLAIM_PREFIX = "claim:";
const LISTS = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

export function validateContainerStatuses({ spec, status = {} }: Pod): Causes {
  const os = spec?.os?.name ?? "linux";
  return all(
    LISTS.flatMap((list) =>
      each(status[list], `status.${list}`, (own, at) =>
        validateUser(own, os, field.child(at, "user", "linux")),
      ),
    ),
    validateDevices(status.containerStatuses, spec?.containers, "status.containerStatuses"),
    validateDevices(status.initContainerStatuses, spec?.initContainers, "status.initContainerStatuses"),
    each(status.ephemeralContainerStatuses, "status.ephemeralContainerStatuses", (own, at) =>
      (own.allocatedResourcesStatus?.length ?? 0) > 0
        ? [
            field.forbidden(
              field.child(at, "allocatedResourcesStatus"),
              "must not be specified in container status",
            ),
          ]
        : NONE,
    ),
  );
}

function validateUser({ user }: ContainerStatus, os: string, path: string): Causes {
  if (user?.linux === undefined) return NONE;
  if (os === "windows") return [field.forbidden(path, "cannot be set for a windows pod")];
  return os === "linux" ? validateLinuxUser(user.linux, path) : NONE;
}

function validateLinuxUser({ uid, gid, supplementalGroups }: LinuxContainerUser, path: string): Causes {
  return all(
    validateId(uid, field.child(path, "uid")),
    validateId(gid, field.child(path, "gid")),
    each(supplementalGroups, field.child(path, "supplementalGroups"), validateId),
  );
}

function validateId(value: number, path: string): Causes {
  return field.invalidFor(path, value, isInRange(value, 0, ID_MAX));
}

function validateDevices(
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] = [],
  path: string,
): Causes {
  return each(statuses, path, (status, at) => {
    const container = containers.find((c) => c.name === status.name);
    return each(status.allocatedResourcesStatus, field.child(at, "allocatedResourcesStatus"), (resource, p) =>
      all(
        container === undefined || isAskedFor(container, resource.name)
          ? NONE
          : [field.invalid(field.child(p, "name"), resource.name, notAskedFor(resource.name))],
        validateHealth(resource, field.child(p, "resources")),
      ),
    );
  });
}

function isAskedFor({ resources = {} }: Container, name: string): boolean {
  if (!name.startsWith(CLAIM_PREFIX)) return name in (resources.requests ?? {});
  return (resources.claims ?? []).some(
    (claim) => name === `${CLAIM_PREFIX}${claim.name}${claim.request ? `/${claim.request}` : ""}`,
  );
}

const notAskedFor = (name: string): string =>
  name.startsWith(CLAIM_PREFIX)
    ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
    : "must match one of the container's resource requests";

function validateHealth({ resources }: ResourceStatus, path: string): Causes {
  const seen = new Set<string>();
  return each(resources, path, (health, at) => {
    const { resourceID: id, message } = health;
    const messagePath = field.child(at, "message");
    const repeated = seen.has(id) ? [field.duplicate(field.child(at, "resourceID"), id)] : NONE;
    seen.add(id);
    return all(
      oneOf(health.health ?? "", ["Healthy", "Unhealthy", "Unknown"], field.child(at, "health")),
      message === "" ? [field.required(messagePath, "must be non-empty if specified")] : NONE,
      byteLength(message ?? "") > MESSAGE_BYTES_MAX ? [field.tooLong(messagePath, MESSAGE_BYTES_MAX)] : NONE,
      repeated,
    );
  });
}
