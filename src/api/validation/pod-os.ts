/** What pods of one operating system may not ask for, and host process containers. @module */
import { field } from "#apimachinery";
import type { PodSpec } from "../core/v1/types.gen.ts";
import { all, NONE, oneOf, type Causes } from "./common.ts";
import { containersOf, eachContainer } from "./pod-visit.ts";

const NO_WINDOWS = "windows options cannot be set for a linux pod";
const NOT_ON_WINDOWS = "cannot be set for a windows pod";

/** Fields of the pod, in upstream's order; those of the security context with its name in front. */
const POD_FIELDS: readonly string[] = [
  "securityContext.appArmorProfile",
  "securityContext.seLinuxOptions",
  "hostUsers",
  "hostPID",
  "hostIPC",
  "securityContext.seccompProfile",
  "securityContext.fsGroup",
  "securityContext.fsGroupChangePolicy",
  "securityContext.sysctls",
  "shareProcessNamespace",
  "securityContext.runAsUser",
  "securityContext.runAsGroup",
  "securityContext.supplementalGroups",
  "securityContext.supplementalGroupsPolicy",
  "securityContext.seLinuxChangePolicy",
];
const CONTAINER_FIELDS = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

export function validateOs(spec: PodSpec, path: string): Causes {
  if (spec.os === undefined) return NONE;
  const at = field.child(path, "os");
  if (spec.os.name === "") return [field.required(field.child(at, "name"))];
  const unknown = oneOf(spec.os.name, ["linux", "windows"], at);
  if (unknown.length > 0) return unknown;
  return spec.os.name === "linux" ? validateLinux(spec, path) : validateWindows(spec, path);
}

function validateLinux(spec: PodSpec, path: string): Causes {
  return all(
    noWindowsOptions(spec.securityContext, path),
    eachContainer(spec, path, (container, at) => noWindowsOptions(container.securityContext, at)),
  );
}

function noWindowsOptions(context: object | undefined, path: string): Causes {
  if (context === undefined || !("windowsOptions" in context)) return NONE;
  return [field.forbidden(field.child(path, "securityContext", "windowsOptions"), NO_WINDOWS)];
}

function validateWindows(spec: PodSpec, path: string): Causes {
  return all(
    POD_FIELDS.filter((name) => isSet(name, valueAt(spec, name))).map((name) =>
      field.forbidden(field.child(path, name), NOT_ON_WINDOWS),
    ),
    eachContainer(spec, path, ({ securityContext: context }, at) =>
      CONTAINER_FIELDS.filter((name) => context?.[name] !== undefined).map((name) =>
        field.forbidden(field.child(at, "securityContext", name), NOT_ON_WINDOWS),
      ),
    ),
  );
}

function valueAt(spec: PodSpec, name: string): unknown {
  const [first, second] = name.split(".") as [keyof PodSpec, string?];
  const value = spec[first];
  return second === undefined ? value : (value as Readonly<Record<string, unknown>> | undefined)?.[second];
}

/** `hostPID` and `hostIPC` are no pointers upstream: false says nothing. An empty list says nothing either. */
function isSet(name: string, value: unknown): boolean {
  if (name === "hostPID" || name === "hostIPC") return value === true;
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** Host process containers: all of the pod's or none, and in the host's network. */
export function validateHostProcess(spec: PodSpec, path: string): Causes {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const containers = containersOf(spec, path);
  const hosts = containers.filter(
    ([container]) => container.securityContext?.windowsOptions?.hostProcess ?? ofPod === true,
  );
  const differ = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
  const allOrNone =
    "If pod contains any hostProcess containers then all containers must be HostProcess containers";
  const network = "hostNetwork must be true if pod contains any hostProcess containers";
  return all(
    containers.flatMap(([container, at]) => {
      const own = container.securityContext?.windowsOptions?.hostProcess;
      if (ofPod === undefined || own === undefined || own === ofPod) return [];
      return [
        field.invalid(field.child(at, "securityContext", "windowsOptions", "hostProcess"), own, differ),
      ];
    }),
    hosts.length > 0 && hosts.length !== containers.length ? [field.invalid(path, "", allOrNone)] : NONE,
    hosts.length > 0 && spec.hostNetwork !== true
      ? [field.invalid(field.child(path, "hostNetwork"), false, network)]
      : NONE,
  );
}
