/** Whether a container that ended runs again: its own policy and rules by exit code (KEP-5307), else the pod's policy. @module */
import type { Container, ContainerRestartRule, PodSpec } from "./types.gen.ts";

export function shouldRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  if (container.restartPolicy !== undefined) {
    if (matchingRestartRule(container, exitCode) !== undefined) return true;
    return byPolicy(container.restartPolicy, exitCode);
  }
  return byPolicy(spec.restartPolicy ?? "Always", exitCode);
}

function byPolicy(policy: string, exitCode: number): boolean {
  return policy === "OnFailure" ? exitCode !== 0 : policy !== "Never";
}

/** The first that is about the exit code; the others do not count. */
export function matchingRestartRule(
  { restartPolicyRules = [] }: Container,
  exitCode: number,
): ContainerRestartRule | undefined {
  return restartPolicyRules.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const isIn = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === "In" ? isIn : exitCodes.operator === "NotIn" && !isIn;
  });
}

/** One container's end may restart them all, whatever their own policies. */
export function mayAllRestart(spec: PodSpec): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some((container) =>
    container.restartPolicyRules?.some((rule) => rule.action === "RestartAllContainers"),
  );
}
