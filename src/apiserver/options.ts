/** What an API server is made from and what it offers: the public interface of this component. @module */
import type { Clock, Kind, Logger } from "#apimachinery";
import type { Transport } from "#client";
import type { Store } from "#storage";
import type { ServiceResolver } from "./admission/webhook/target.ts";
import type { Route } from "./http/route.ts";
import type { TokenIssuer } from "./registry/token-issuer.ts";
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
  /** PEM. Needed for `listen`; `clientCa` verifies client certificates. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Absent: no credential is known, everyone is anonymous (in-process transports name their user themselves). */
  readonly authenticator?: Authenticator;
  /** Absent: RBAC, with upstream's bootstrap roles. Members of system:masters may do everything in any case. */
  readonly authorizer?: Authorizer;
  /** Issues tokens for the `serviceaccounts/token` subresource; absent: the subresource answers 404. */
  readonly tokenIssuer?: TokenIssuer;
  /** IPv4 range of Service addresses. Default 10.96.0.0/12. */
  readonly serviceCIDR?: string;
  /** Default 30000-32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Address at which pods and nodes reach this server; with `securePort` the endpoint of the `kubernetes` Service. */
  readonly advertiseAddress?: string;
  /** Default: the port of the first `listen`. */
  readonly securePort?: number;
  /** How this server proves itself to kubelets (logs, exec, port-forward). PEM. Absent: those answer an error. */
  readonly kubeletClient?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Admission plugins beyond the default ones: AlwaysPullImages, ExtendedResourceToleration. */
  readonly enabledAdmissionPlugins?: readonly string[];
  /**
   * Admission plugins that are left out. Default: none. StorageObjectInUseProtection needs the controllers that take its
   * finalizers off again.
   */
  readonly disabledAdmissionPlugins?: readonly string[];
  /** Where the pods behind a port of a Service are reached, for webhooks. Default: at the addresses of its Endpoints. */
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
  /** Overrides of the named bounds. */
  readonly limits?: Partial<Limits>;
}

/** Every bound of the server. */
export interface Limits {
  readonly bodyBytesMax: number;
  readonly inFlightMax: number;
  readonly mutatingInFlightMax: number;
  /** Requests that are not watches, logs, exec, proxies end after this. */
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
  /** The in-process transport: the same handlers, admission and validation as HTTP, on shared frozen objects. Default user: a member of system:masters. */
  transport(user?: UserInfo): Transport;
  /** Ends watches, waits for running requests (bounded), closes listeners. The store stays open: it is the caller's. */
  close(): Promise<void>;
}
