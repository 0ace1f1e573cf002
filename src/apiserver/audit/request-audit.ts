/** The audit event of one request while it grows: from its arrival to its last answer; upstream's `AuditContext`. @module */
import { messageOf, type Clock, type Status } from "#apimachinery";
import type { AuthorizationAttributes, UserInfo } from "../user-info.ts";
import type { RequestRecorder } from "./annotations.ts";
import { withoutManagedFields } from "./managed-fields.ts";
import type { AuditConfig } from "./policy.ts";
import type { AuditEvent, AuditObjectReference, AuditStage, AuditUser } from "./types.ts";

/** What is known of a request when its sender is. */
export interface AuditFacts {
  readonly auditID: string;
  /** As sent. */
  readonly requestURI: string;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  /** ms since 1970. */
  readonly receivedMs: number;
  /** Without a user name: authentication failed. */
  readonly attributes: AuthorizationAttributes;
}

const USER_AGENT_LENGTH_MAX = 1024;

export interface RequestAuditParts {
  readonly config: AuditConfig;
  readonly facts: AuditFacts;
  readonly clock: Clock;
  /** False: the event was not kept and the request must be refused. */
  readonly send: (event: AuditEvent) => boolean | Promise<boolean>;
}

export class RequestAudit implements RequestRecorder {
  readonly wantsRequest: boolean;
  readonly wantsResponse: boolean;
  readonly omitsManagedFields: boolean;
  readonly #parts: RequestAuditParts;
  readonly #annotations = new Map<string, string>();
  #objectRef: AuditObjectReference | undefined;
  #impersonatedUser: AuditUser | undefined;
  #impersonationConstraint = "";
  #requestObject: string | undefined;
  #responseObject: string | undefined;
  #responseStatus: Partial<Status> | undefined;
  #isStarted = false;
  #isOver = false;

  constructor(parts: RequestAuditParts) {
    const { config, facts } = parts;
    this.#parts = parts;
    this.wantsResponse = config.level === "RequestResponse";
    this.wantsRequest = this.wantsResponse || config.level === "Request";
    this.omitsManagedFields = config.omitManagedFields;
    this.#objectRef = objectRefOf(facts.attributes);
  }

  addAuditAnnotation(key: string, value: string, level: "Metadata" | "Request" = "Metadata"): void {
    if (level === "Request" && !this.wantsRequest) return;
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  }

  recordImpersonation(user: UserInfo, constraint: string): void {
    this.#impersonatedUser = auditUser(user);
    this.#impersonationConstraint = constraint;
  }

  recordRequest(object: object): void {
    const { metadata } = object as { metadata?: Readonly<Record<string, unknown>> };
    this.#completeReference(metadata ?? {});
    if (this.wantsRequest) this.recordPatch(object);
  }

  recordPatch(value: unknown): void {
    if (!this.wantsRequest) return;
    this.#requestObject = JSON.stringify(this.omitsManagedFields ? withoutManagedFields(value) : value);
  }

  /** What the client is answered; `object` is JSON text. */
  recordResponse(status: Partial<Status> & { readonly code: number }, object: string | undefined): void {
    if (this.#isOver) return;
    this.#responseStatus = status;
    if (this.wantsResponse) this.#responseObject = object;
  }

  received(): boolean | Promise<boolean> {
    return this.#stage("RequestReceived");
  }

  /** The first bytes of an answer that lasts. */
  started(code: number): boolean | Promise<boolean> {
    if (this.#isStarted || this.#isOver) return true;
    this.#isStarted = true;
    this.#responseStatus ??= { code };
    return this.#stage("ResponseStarted");
  }

  /** What comes first, this or `panicked`, is the end. */
  complete(): boolean | Promise<boolean> {
    if (this.#isOver) return true;
    this.#responseStatus ??= { status: "Success", message: "Connection closed early", code: 200 };
    this.#isOver = true;
    return this.#stage("ResponseComplete");
  }

  /** The program broke, not the request. */
  panicked(cause: unknown): boolean | Promise<boolean> {
    if (this.#isOver) return true;
    const message = `APIServer panic'd: ${messageOf(cause)}`;
    this.#responseStatus = { status: "Failure", reason: "InternalError", message, code: 500 };
    this.#isOver = true;
    return this.#stage("Panic");
  }

  /** A generated name, and what the path does not say. */
  #completeReference(metadata: Readonly<Record<string, unknown>>): void {
    const known = this.#objectRef ?? {};
    const given = (name: "namespace" | "name" | "uid" | "resourceVersion"): Partial<AuditObjectReference> => {
      const value = known[name] ?? metadata[name];
      return typeof value === "string" && value !== "" ? { [name]: value } : {};
    };
    this.#objectRef = {
      ...known,
      ...given("namespace"),
      ...given("name"),
      ...given("uid"),
      ...given("resourceVersion"),
    };
  }

  #stage(stage: AuditStage): boolean | Promise<boolean> {
    const { config, facts, clock, send } = this.#parts;
    if (config.omitStages.has(stage)) return true;
    const { attributes, auditID, requestURI, receivedMs, sourceIPs, userAgent } = facts;
    const annotations = [...this.#annotations].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return send({
      level: config.level,
      auditID,
      stage,
      requestURI,
      verb: attributes.verb,
      user: auditUser(attributes.user),
      ...(this.#impersonatedUser !== undefined && { impersonatedUser: this.#impersonatedUser }),
      ...(this.#impersonationConstraint !== "" && {
        authenticationMetadata: { impersonationConstraint: this.#impersonationConstraint },
      }),
      ...(sourceIPs.length > 0 && { sourceIPs }),
      ...(userAgent !== "" && { userAgent: shortened(userAgent) }),
      ...(this.#objectRef !== undefined && { objectRef: this.#objectRef }),
      ...(this.#responseStatus !== undefined && { responseStatus: this.#responseStatus }),
      ...(this.#requestObject !== undefined && { requestObject: this.#requestObject }),
      ...(this.#responseObject !== undefined && { responseObject: this.#responseObject }),
      requestReceivedMs: receivedMs,
      stageMs: stage === "RequestReceived" ? receivedMs : clock.now(),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    });
  }
}

function auditUser({ name, uid = "", groups, extra = {} }: UserInfo): AuditUser {
  return {
    ...(name !== "" && { username: name }),
    ...(uid !== "" && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function objectRefOf(attributes: AuthorizationAttributes): AuditObjectReference | undefined {
  if (!attributes.isResourceRequest) return undefined;
  const { resource, namespace, name, group, version, subresource } = attributes;
  return {
    ...(resource !== "" && { resource }),
    ...(namespace !== "" && { namespace }),
    ...(name !== "" && { name }),
    ...(group !== "" && { apiGroup: group }),
    ...(version !== "" && { apiVersion: version }),
    ...(subresource !== "" && { subresource }),
  };
}

function shortened(userAgent: string): string {
  if (userAgent.length <= USER_AGENT_LENGTH_MAX) return userAgent;
  return `${userAgent.slice(0, USER_AGENT_LENGTH_MAX)}...TRUNCATED`;
}
