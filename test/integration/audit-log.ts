/** What a server of a test writes into its audit log. @module */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditLogDefaults, type ApiServerOptions } from "#apiserver";

type AuditOptions = NonNullable<ApiServerOptions["audit"]>;

export interface AuditedEvent {
  readonly level: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: {
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly impersonatedUser?: { readonly username?: string; readonly groups?: readonly string[] };
  readonly authenticationMetadata?: { readonly impersonationConstraint?: string };
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AuditLog extends AsyncDisposable {
  /** Each event is written before its answer. */
  readonly options: AuditOptions;
  text(): Promise<string>;
  events(): Promise<readonly AuditedEvent[]>;
}

export async function openAuditLog(policy: AuditOptions["policy"]): Promise<AuditLog> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-audit-"));
  const path = join(folder, "audit.log");
  const text = (): Promise<string> => readFile(path, "utf8");
  return {
    options: { policy, log: { ...auditLogDefaults, path } },
    text,
    events: async () =>
      (await text())
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as AuditedEvent),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
