/** The issuing of ServiceAccount tokens as the registry needs it; authn/ has the implementation. @module */

export interface TokenRequestInfo {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** The object whose deletion ends the token. */
  readonly boundObject?: {
    readonly kind: "Pod" | "Secret" | "Node";
    readonly name: string;
    readonly uid: string;
  };
  /** Of the pod, when the token is bound to one that runs on a node. */
  readonly node?: { readonly name: string; readonly uid?: string };
}

export interface IssuedToken {
  readonly token: string;
  /** ms since 1970. */
  readonly expiresAt: number;
  /** As whoever shows the token is known by; absent: the token has no id. */
  readonly credentialId?: string;
}

export interface TokenIssuer {
  /** Audiences of a token whose request names none. */
  readonly defaultAudiences: readonly string[];
  /** Longer ones are shortened, and the request's sender is warned. Absent: no limit of this server's. */
  readonly maxExpirationSeconds?: number;
  issue(request: TokenRequestInfo): Promise<IssuedToken>;
}
