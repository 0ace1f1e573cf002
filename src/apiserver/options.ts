/** What an API server is made from and what it offers: the public interface of this component. @module */
import type { Clock, Kind, KubeObject, Logger } from "#apimachinery";
import type { ObjectRef, Transport } from "#client";
import type { Store } from "#storage";
import type { PluginConfigurations } from "./admission/configuration/plugin-configurations.ts";
import type { ServiceResolver } from "./admission/webhook/target.ts";
import type { InProcessBackend } from "./aggregation/index.ts";
import type { AuditOptions } from "./audit/index.ts";
import type { RequestHeaderOptions, TokenAuthenticator } from "./authn/index.ts";
import type { AuthorizationModes, RbacObject } from "./authz/index.ts";
import type { EncryptionOptions } from "./encryption/index.ts";
import type { Route } from "./http/route.ts";
import type { TokenIssuer } from "./registry/token-issuer.ts";
import type { LateMetrics } from "./security-metrics.ts";
import type { Authenticator, Authorizer, UserInfo } from "./user-info.ts";

export interface ApiServerOptions {
  readonly store: Store;
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Uniform in [0, 1); the source of uids and generated names. Default: from the system's cryptographic source. */
  readonly random?: () => number;
  readonly logger?: Logger;
  /** What is served. Default: all built-in kinds of `#api`. */
  readonly kinds?: readonly Kind[];
  /** PEM. Needed for `listen`; `clientCa` verifies client certificates. What changes is told by `useCertificate`. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Absent: no credential is known, everyone is anonymous (in-process transports name their user themselves). */
  readonly authenticator?: Authenticator;
  /** Absent: RBAC, with upstream's bootstrap roles. Members of system:masters may do everything in any case. */
  readonly authorizer?: Authorizer;
  /** Which authorizers are asked, in which order, when `authorizer` is absent. Default: Node, RBAC. */
  readonly authorization?: AuthorizationModes;
  /**
   * Roles and bindings beside upstream's, made when they are missing; those annotated for auto-update are completed, too.
   * They count for RBAC alone, and not with `authorizer`.
   */
  readonly bootstrapRbac?: readonly RbacObject[];
  /** Answers TokenReviews, with audiences. Absent: `authenticator` does, without. */
  readonly tokens?: TokenAuthenticator;
  /** Of TokenReviews that name none. */
  readonly apiAudiences?: readonly string[];
  /** Whether who shows no credentials may ask for the path. Default: for all. */
  readonly allowsAnonymous?: (path: string) => boolean;
  /** Told where the server counts. */
  readonly securityMetrics?: LateMetrics;
  /** Issues tokens for the `serviceaccounts/token` subresource; absent: the subresource answers 404. */
  readonly tokenIssuer?: TokenIssuer;
  /** Range of Service addresses, or one of each family with a comma; the first is the default. Default 10.96.0.0/12. */
  readonly serviceCIDR?: string;
  /** Default 30000-32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Address at which pods and nodes reach this server; with `securePort` the endpoint of the `kubernetes` Service. */
  readonly advertiseAddress?: string;
  /** Default: the port of the first `listen`. */
  readonly securePort?: number;
  /** Of this machine. With it a server that listens keeps a Lease in kube-system, by which others see that it lives. */
  readonly hostname?: string;
  /** How this server proves itself to kubelets (logs, exec, port-forward). PEM, read anew for each. Absent: those answer an error. */
  readonly kubeletClient?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** How this server proves itself to the API servers behind APIServices. PEM. Absent: what these serve answers 503. */
  readonly proxyClient?: { readonly cert: string; readonly key: string };
  /** Group-versions beside its own that this process serves, each while its APIService names no service. Default: none. */
  readonly inProcessBackends?: readonly InProcessBackend[];
  /** Which front proxies of this server may say for whom they ask. Absent: none; their headers mean nothing. */
  readonly requestHeader?: RequestHeaderOptions;
  /** Admission plugins beyond the default ones: see `DEFAULT_OFF` of `admission/plugin-names.ts`. */
  readonly enabledAdmissionPlugins?: readonly string[];
  /** What plugins are configured with; `openAdmissionOptions` reads it from a file. */
  readonly admissionConfigurations?: PluginConfigurations;
  /**
   * Admission plugins that are left out. Default: none. StorageObjectInUseProtection needs the controllers that take its
   * finalizers off again.
   */
  readonly disabledAdmissionPlugins?: readonly string[];
  /**
   * Where the pods behind a port of a Service are reached, for webhooks and APIServices. Default: at the addresses of its
   * endpoints.
   */
  readonly resolveService?: ServiceResolver;
  /** Further routes: discovery, openapi, …; tried before the built-in ones, in order. */
  readonly routes?: readonly Route[];
  /** Freezes every shared object deeply: finds callers that mutate. For tests; costs time. Default false. */
  readonly freezeObjects?: boolean;
  /** Writes managedFields. Default true. */
  readonly managedFields?: boolean;
  /** `Lease` and `Event` writes are acknowledged before the disk has them. Default true. */
  readonly relaxedDurability?: boolean;
  /**
   * History is kept in the store for this long at least, and for twice as long at most: watches and pages of lists may
   * go on from there. Default 5 minutes, as upstream; 0: for ever.
   */
  readonly compactionIntervalMs?: number;
  /** How which resources are encrypted in the store. Absent: none is. */
  readonly encryption?: EncryptionOptions;
  /** Which requests are recorded, and where. Absent: none. */
  readonly audit?: AuditOptions;
  /**
   * Requests are queued by priority and flow, and share the seats of both limits of requests in flight. Default true;
   * false: each limit refuses what is beyond it. In-process clients are never limited.
   */
  readonly priorityAndFairness?: boolean;
  /**
   * How long `/readyz` fails before the server begins to close, so that load balancers look elsewhere while it answers as
   * before. Default 0.
   */
  readonly shutdownDelayMs?: number;
  /** Requests that come while the server closes are answered 429 and when to come again, instead of 503. Default false. */
  readonly shutdownSendRetryAfter?: boolean;
  /**
   * With this probability each request over HTTP/2 moves its client to a new connection, and so, behind a load balancer, to
   * another server. Default 0.
   */
  readonly goawayChance?: number;
  /** Overrides of the named bounds. */
  readonly limits?: Partial<Limits>;
}

/** Every bound of the server. */
export interface Limits {
  readonly bodyBytesMax: number;
  /** With priority and fairness the sum of the two counts, and is positive; without, 0 is no limit. */
  readonly inFlightMax: number;
  readonly mutatingInFlightMax: number;
  /** Requests that are not watches, logs, exec, proxies end after this, or sooner if they ask for it (`?timeout=`). So long a server that closes waits for them. */
  readonly requestTimeoutMs: number;
  /** Events kept per resource for watches from an older resourceVersion. */
  readonly watchHistoryMax: number;
  /** Bytes a watcher may lag behind before it is ended. */
  readonly watcherBacklogBytesMax: number;
  /** Minimal length of a watch without timeoutSeconds; the real one is random up to twice this. */
  readonly watchTimeoutSecondsMin: number;
  readonly bookmarkIntervalMs: number;
}

export const defaultLimits: Limits = {
  bodyBytesMax: 3 * 1024 * 1024,
  inFlightMax: 400,
  mutatingInFlightMax: 200,
  requestTimeoutMs: 60_000,
  watchHistoryMax: 2048,
  watcherBacklogBytesMax: 64 * 1024 * 1024,
  watchTimeoutSecondsMin: 1800,
  bookmarkIntervalMs: 60_000,
};

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ApiServer extends AsyncDisposable {
  /** Opens HTTPS listeners; resolves with the ports bound, in order. Needs `tls`. */
  listen(addresses: readonly ListenAddress[]): Promise<readonly ListenAddress[]>;
  /** What new connections are made with from now on, instead of `tls`. PEM. Front proxies' authority is read again, too. */
  useCertificate(changed: NonNullable<ApiServerOptions["tls"]>): void;
  /** The in-process transport: the same handlers, admission and validation as HTTP, on shared frozen objects. Default user: a member of system:masters. */
  transport(user?: UserInfo): Transport;
  /** Of the server itself, for finding out who somebody is: nobody is asked for leave. Rejects with NotFound. */
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T>;
  /** Ends watches, waits for running requests (bounded), closes listeners. The store stays open: it is the caller's. */
  close(): Promise<void>;
}
