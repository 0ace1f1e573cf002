/** What a cluster records of who did what, unless its owner chooses otherwise. @module */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { profilePaths, type LauncherEnv } from "./paths.ts";

/** Bodies never: they may be secret. Nor what the cluster does for itself all the time. */
const POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  # heartbeats, leases of components, events
  - level: None
    resources:
      - group: coordination.k8s.io
        resources: [leases]
      - group: ""
        resources: [events]
      - group: events.k8s.io
        resources: [events]
  - level: None
    userGroups: ["system:nodes"]
    resources:
      - group: ""
        resources: [nodes/status, pods/status]
  # who read or made a credential, or got into a container
  - level: Metadata
    resources:
      - group: ""
        resources: [secrets, serviceaccounts/token, pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy, nodes/proxy]
      - group: authentication.k8s.io
        resources: [tokenreviews]
  - level: None
    verbs: [get, list, watch]
  - level: None
    nonResourceURLs: ["*"]
  - level: Metadata
`;

interface AuditFiles {
  readonly policy: string;
  readonly log: string;
}

export function auditFiles(env: LauncherEnv, profile: string): AuditFiles {
  const { dir } = profilePaths(env, profile);
  return { policy: join(dir, "audit-policy.yaml"), log: join(dir, "audit/audit.log") };
}

/** A policy that its owner changed stays as it is. */
export async function ensureAuditPolicy(env: LauncherEnv, profile: string): Promise<void> {
  const { policy } = auditFiles(env, profile);
  await mkdir(join(policy, "../audit"), { recursive: true, mode: 0o700 });
  try {
    await writeFile(policy, POLICY, { flag: "wx", mode: 0o600 });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
  }
}

/** As the CIS benchmark wants them; requests do not wait for the file. */
export function auditFlags(env: LauncherEnv, profile: string): readonly string[] {
  const { policy, log } = auditFiles(env, profile);
  return [
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${log}`,
    "--audit-log-mode=batch",
    "--audit-log-maxage=30",
    "--audit-log-maxbackup=10",
    "--audit-log-maxsize=100",
  ];
}
