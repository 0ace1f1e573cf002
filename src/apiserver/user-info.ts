/** Who asks, and what the asked-for action is: the vocabulary between http, authn/ and authz/. @module */
import type { fields, labels } from "#apimachinery";

/** Upstream's `user.Info`. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a request shows of its sender. */
export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Names and values in turn, as they came: `headers` has joined those of one name. */
  readonly rawHeaders?: readonly string[];
  /** DER of the client certificate, of which TLS proved that the client has the key. */
  readonly clientCertificate?: Uint8Array;
  /** DER of what the client showed besides: authorities between its own and one that is trusted. */
  readonly clientIntermediates?: readonly Uint8Array[];
  /** Why TLS does not believe the certificate (`CERT_HAS_EXPIRED`): it names nobody, and is no reason to be anonymous. */
  readonly clientCertificateError?: string;
  readonly remoteAddress?: string;
}

export interface Authenticator {
  /**
   * The user of these credentials; undefined when there are none that this authenticator knows (the chain goes on,
   * at its end the request is anonymous). Throws an `Unauthorized` StatusError when they are there and wrong.
   * `notes` is told what the sender and the audit log should know about the credentials.
   */
  authenticate(
    credentials: Credentials,
    signal: AbortSignal,
    notes?: AuthenticationNotes,
  ): Promise<UserInfo | undefined>;
}

export interface AuthenticationNotes {
  /** Becomes a `Warning` header of the answer. */
  warn(message: string): void;
  /** Becomes an annotation of the audit event. */
  annotate(key: string, value: string): void;
}

/** Upstream's `authorizer.Attributes`. For non-resource requests only `path` and the lower-case HTTP verb count. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Of a list, watch or deletecollection. Requirements only narrow what is asked for: ignoring one is safe. */
  readonly fieldSelector?: readonly fields.Requirement[];
  readonly labelSelector?: readonly labels.Requirement[];
}

export interface Decision {
  readonly allowed: boolean;
  /** Explicitly denied: later authorizers of a chain are not asked. */
  readonly denied?: boolean;
  readonly reason?: string;
  /** What kept an authorizer from knowing more; a review shows it. */
  readonly evaluationError?: string;
}

export interface Authorizer {
  /** Synchronous where the answer is in memory: this runs for every request. */
  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
}

export const SYSTEM_MASTERS = "system:masters";
export const SYSTEM_AUTHENTICATED = "system:authenticated";
export const SYSTEM_UNAUTHENTICATED = "system:unauthenticated";

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: [SYSTEM_UNAUTHENTICATED] };

/** The user of the server's own parts and of in-process clients that name none: may do everything. */
export const loopbackUser: UserInfo = {
  name: "system:apiserver",
  groups: [SYSTEM_MASTERS, SYSTEM_AUTHENTICATED],
};
