/** Warns those who ask for what will not be served for ever, and counts them. @module */
import { apiVersionOf, type Kind } from "#apimachinery";
import type { ResourceRequest } from "./handler-context.ts";

export function warnDeprecated({ request, info, served, context }: ResourceRequest): void {
  const { kind, custom } = served;
  const warning = custom?.deprecationWarning ?? deprecationWarning(kind);
  if (warning === undefined) return;
  const removed = kind.deprecated?.removed ?? "";
  request.warn(warning);
  context.metrics?.deprecated(info, removed);
  request.audit?.addAuditAnnotation("k8s.io/deprecated", "true");
  if (removed !== "") request.audit?.addAuditAnnotation("k8s.io/removed-release", removed);
}

/** In upstream's words. */
export function deprecationWarning(
  kind: Pick<Kind, "group" | "version" | "kind" | "deprecated">,
): string | undefined {
  const { deprecated } = kind;
  if (deprecated === undefined) return undefined;
  const { since, removed, replacement } = deprecated;
  const gone = removed === undefined ? "" : `, unavailable in v${removed}+`;
  const use = replacement === undefined ? "" : `; use ${apiVersionOf(replacement)} ${replacement.kind}`;
  return `${apiVersionOf(kind)} ${kind.kind} is deprecated in v${since}+${gone}${use}`;
}
