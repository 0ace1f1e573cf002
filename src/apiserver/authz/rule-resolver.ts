/** What a user may do, rule by rule, as far as the authorizers can tell; answers SelfSubjectRulesReviews. @module */
import type { PolicyRule } from "#api/rbac/v1/types.gen";
import type { UserInfo } from "../user-info.ts";
import { nodeNameOf } from "./node/node-authorizer.ts";
import { missingRoles, rulesFor } from "./rbac/rbac-authorizer.ts";
import type { RbacIndex } from "./rbac/rbac-index.ts";

export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  /** There may be more. */
  readonly incomplete: boolean;
  readonly evaluationError?: string;
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** `modes` in their order. Default: Node, RBAC. */
export function resolveRules(
  rbac: RbacIndex,
  modes: readonly string[] = ["Node", "RBAC"],
  user: UserInfo,
  namespace: string,
): ResolvedRules {
  const rules: PolicyRule[] = [];
  const problems: string[] = [];
  for (const mode of modes) {
    if (mode === "Node" && nodeNameOf(user) !== undefined)
      problems.push("node authorizer does not support user rule resolution");
    if (mode === "Webhook") problems.push("webhook authorizer does not support user rule resolution");
    if (mode === "AlwaysAllow") rules.push(...EVERYTHING);
    if (mode !== "RBAC") continue;
    rules.push(...rulesFor(rbac, user, namespace));
    problems.push(...missingRoles(rbac, user, namespace));
  }
  const evaluationError = problems.length > 1 ? `[${problems.join(", ")}]` : problems[0];
  return {
    rules,
    incomplete: problems.length > 0,
    ...(evaluationError !== undefined && { evaluationError }),
  };
}
