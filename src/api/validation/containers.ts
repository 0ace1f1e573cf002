/** Containers, init containers and ephemeral containers of a pod. @module */
import { field, isDns1123Label, isPortName, isPortNumber } from "#apimachinery";
import type { Container, EphemeralContainer, PodSpec, Volume } from "../core/v1/types.gen.ts";
import { all, each, NONE, obeys, requiredName, requiredOneOf, type Causes } from "./common.ts";
import { validateRestartRules } from "./container-restart.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { validateLifecycle, validateProbes } from "./handlers.ts";
import { validateContainerResources } from "./resources.ts";
import { validateSecurityContext } from "./security-context.ts";
import type { PodRules } from "./pod-rules.ts";
import { isSidecar } from "./pod-visit.ts";
import { validateVolumeDevices, validateVolumeMounts } from "./volume-mounts.ts";
import { PULL_POLICIES } from "./volumes.ts";

/** What containers are checked against. */
export interface PodContext {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: readonly string[];
  readonly rules: PodRules;
}

const PROTOCOLS: readonly string[] = ["SCTP", "TCP", "UDP"];
const EPHEMERAL_FORBIDDEN = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;

export function validateContainers(context: PodContext, path: string): Causes {
  const { spec } = context;
  if (spec.containers.length === 0) return [field.required(path)];
  const seen = new Set<string>();
  return all(
    each(spec.containers, path, (container, at) =>
      all(
        validateCommon(container, context, at),
        unseen(container.name, seen, at, true),
        validateLifecycle(
          container.lifecycle,
          spec.terminationGracePeriodSeconds,
          spec.os?.name,
          field.child(at, "lifecycle"),
        ),
        validateProbes(container, spec.terminationGracePeriodSeconds, at),
        validateRestartRules(container, at),
      ),
    ),
    hostPortConflicts(spec.containers, path),
  );
}

export function validateInitContainers(context: PodContext, path: string): Causes {
  const { spec } = context;
  const seen = new Set(spec.containers.map((container) => container.name));
  return each(spec.initContainers, path, (container, at) =>
    all(
      validateCommon(container, context, at),
      validateRestartRules(container, at),
      unseen(container.name, seen, at, false),
      hostPortConflicts([container], path),
      isSidecar(container)
        ? all(
            validateLifecycle(
              container.lifecycle,
              spec.terminationGracePeriodSeconds,
              spec.os?.name,
              field.child(at, "lifecycle"),
            ),
            validateProbes(container, spec.terminationGracePeriodSeconds, at),
          )
        : sidecarFieldsOf(container, at),
      isSidecar(container) || context.rules.restartedInitContainers
        ? NONE
        : each(container.resizePolicy, field.child(at, "resizePolicy"), ({ restartPolicy }, p) =>
            restartPolicy === "RestartContainer"
              ? [field.invalid(field.child(p, "restartPolicy"), restartPolicy, NOT_RESTARTED)]
              : NONE,
          ),
    ),
  );
}

const NOT_RESTARTED = "must not be set to 'RestartContainer' for non-sidecar initContainers";

function sidecarFieldsOf(container: Container, path: string): Causes {
  const names = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;
  const message = "may not be set for init containers without restartPolicy=Always";
  return names
    .filter((name) => container[name] !== undefined)
    .map((name) => field.forbidden(field.child(path, name), message));
}

export function validateEphemeralContainers(
  containers: readonly EphemeralContainer[] | undefined,
  context: PodContext,
  path: string,
): Causes {
  const { spec } = context;
  const others = new Set([...spec.containers, ...(spec.initContainers ?? [])].map((c) => c.name));
  const seen = new Set(others);
  const message = "cannot be set for an Ephemeral Container";
  return each(containers, path, (container, at) => {
    const target = container.targetContainerName ?? "";
    const targetPath = field.child(at, "targetContainerName");
    return all(
      validateCommon(container, context, at),
      validateImage(container, at),
      unseen(container.name, seen, at, true),
      target === "" || others.has(target) ? NONE : [field.notFound(targetPath, target)],
      EPHEMERAL_FORBIDDEN.filter((name) => Object.keys(container[name] ?? {}).length > 0).map((name) =>
        field.forbidden(field.child(at, name), message),
      ),
      each(container.volumeMounts, field.child(at, "volumeMounts"), (mount, p) =>
        all(
          mount.subPath ? [field.forbidden(field.child(p, "subPath"), message)] : NONE,
          mount.subPathExpr ? [field.forbidden(field.child(p, "subPathExpr"), message)] : NONE,
        ),
      ),
    );
  });
}

/** `countsEmpty`: upstream takes a second empty name for a duplicate, but not of init containers. */
function unseen(name: string, seen: Set<string>, path: string, countsEmpty: boolean): Causes {
  if (seen.has(name)) return [field.duplicate(field.child(path, "name"), name)];
  if (name !== "" || countsEmpty) seen.add(name);
  return NONE;
}

function validateCommon(
  container: Container,
  { spec, volumes, claimNames, rules }: PodContext,
  path: string,
): Causes {
  const at = (name: string): string => field.child(path, name);
  return all(
    requiredName(isDns1123Label, container.name, at("name")),
    container.image ? NONE : [field.required(at("image"))],
    requiredOneOf(
      container.terminationMessagePolicy,
      ["File", "FallbackToLogsOnError"],
      at("terminationMessagePolicy"),
    ),
    validatePorts(container, at("ports")),
    validateEnv(container.env, at("env")),
    validateEnvFrom(container.envFrom, at("envFrom")),
    validateVolumeMounts(container, volumes, at("volumeMounts")),
    validateVolumeDevices(container, volumes, at("volumeDevices")),
    requiredOneOf(container.imagePullPolicy, PULL_POLICIES, at("imagePullPolicy")),
    validateContainerResources(container.resources, at("resources"), {
      claimNames,
      indivisibleHugePages: rules.indivisibleHugePages,
    }),
    validateResizePolicy(container, spec.restartPolicy, at("resizePolicy")),
    validateSecurityContext(container.securityContext, at("securityContext"), spec.hostUsers ?? true),
  );
}

function validatePorts({ ports }: Container, path: string): Causes {
  const names = new Set<string>();
  return each(ports, path, (port, at) => {
    const name = port.name ?? "";
    const repeated = names.has(name);
    const nameCauses = name === "" ? NONE : obeys(isPortName, name, field.child(at, "name"));
    if (nameCauses.length === 0) names.add(name);
    return all(
      nameCauses,
      name !== "" && repeated ? [field.duplicate(field.child(at, "name"), name)] : NONE,
      port.containerPort
        ? portNumber(port.containerPort, field.child(at, "containerPort"))
        : [field.required(field.child(at, "containerPort"))],
      port.hostPort ? portNumber(port.hostPort, field.child(at, "hostPort")) : NONE,
      requiredOneOf(port.protocol, PROTOCOLS, field.child(at, "protocol")),
    );
  });
}

function portNumber(port: number, path: string): Causes {
  return field.invalidFor(path, port, isPortNumber(port));
}

function hostPortConflicts(containers: readonly Container[], path: string): Causes {
  const seen = new Set<string>();
  return each(containers, path, (container, at) =>
    each(container.ports, field.child(at, "ports"), (port, p) => {
      if (!port.hostPort) return NONE;
      const key = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`;
      if (seen.has(key)) return [field.duplicate(field.child(p, "hostPort"), key)];
      seen.add(key);
      return NONE;
    }),
  );
}

function validateResizePolicy(
  { resizePolicy }: Container,
  restartPolicy: string | undefined,
  path: string,
): Causes {
  const seen = new Set<string>();
  return each(resizePolicy, path, (policy, at) => {
    const repeated = seen.has(policy.resourceName);
    seen.add(policy.resourceName);
    const mismatch = restartPolicy === "Never" && policy.restartPolicy !== "NotRequired";
    const message = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
    return all(
      repeated ? [field.duplicate(at, policy.resourceName)] : NONE,
      requiredOneOf(policy.resourceName, ["cpu", "memory"], path),
      requiredOneOf(policy.restartPolicy, ["NotRequired", "RestartContainer"], path),
      mismatch ? [field.invalid(path, policy.restartPolicy, message)] : NONE,
    );
  });
}

/** Blanks around an image's name; templates have always accepted them, pods do not. */
export function validateImages(containers: readonly Container[] | undefined, path: string): Causes {
  return each(containers, path, validateImage);
}

function validateImage({ image = "" }: Container, path: string): Causes {
  if (image.trim() === image) return NONE;
  return [field.invalid(field.child(path, "image"), image, "must not have leading or trailing whitespace")];
}
