/** Everything that says how to reach one API server as one user; made from a kubeconfig, in a cluster, or by hand. @module */

/** Bytes or text in PEM; or a file, read again for every new connection, so that rotated ones are picked up. */
export type Pem = string | Uint8Array | { readonly file: string };

export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the plugin. */
  readonly env: Readonly<Record<string, string>>;
  readonly interactiveMode: "Never" | "IfAvailable" | "Always";
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
}

export interface Impersonation {
  readonly userName: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ClientConfig {
  /** `https://host:port`, also with a path in front of the API's. */
  readonly server: string;
  /** Absent: the system's. */
  readonly ca?: Pem;
  /** The name the server's certificate must have, when it is not the host of `server`. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly clientCertificate?: { readonly cert: Pem; readonly key: Pem };
  readonly token?: string;
  /** Read again every minute; wins over `token`. */
  readonly tokenFile?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly exec?: ExecPlugin;
  readonly impersonate?: Impersonation;
  /** Namespace of the context; what commands use when told no other. */
  readonly namespace?: string;
}
