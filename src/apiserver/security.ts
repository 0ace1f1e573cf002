/** The usual authentication of a cluster, put together: client certificates and ServiceAccount tokens say who asks. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { isNotFound, type Clock, type Kind, type KubeObject } from "#apimachinery";
import type { Client, ObjectRef } from "#client";
import {
  authenticatorChain,
  bearerToken,
  clientCertificate,
  loadSigningKeys,
  openIdRoute,
  serviceAccountTokenIssuer,
  serviceAccountTokens,
} from "./authn/index.ts";
import type { Route } from "./http/route.ts";
import type { TokenIssuer } from "./registry/token-issuer.ts";
import type { Authenticator } from "./user-info.ts";

export interface SecurityOptions {
  readonly clock: Clock;
  /** PEM: who signs client certificates. */
  readonly clientCa: string;
  /** PEM: private keys first; the first one signs. */
  readonly serviceAccountKeys: string;
  /** `iss` of ServiceAccount tokens. */
  readonly issuer: string;
  /** Where others fetch the keys of tokens. Default: below the issuer. */
  readonly jwksUri?: string;
}

export interface Security {
  readonly authenticator: Authenticator;
  readonly tokenIssuer: TokenIssuer;
  /** The OpenID documents of the issuer. */
  readonly routes: readonly Route[];
  /** Gives the client with which the objects that tokens are bound to are looked up. Until then tokens are refused. */
  attach(client: Client): void;
}

export function newSecurity(options: SecurityOptions): Security {
  const { clock, issuer } = options;
  const keys = loadSigningKeys(options.serviceAccountKeys);
  let attached: Client | undefined;
  const find = async <T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> => {
    if (attached === undefined) return undefined;
    return attached.get(kind, ref, new AbortController().signal).catch((err: unknown) => {
      if (isNotFound(err)) return undefined;
      throw err;
    });
  };
  const tokens = serviceAccountTokens({
    keys,
    issuers: [issuer],
    clock,
    lookup: {
      serviceAccount: (namespace, name) => find(ServiceAccounts, { namespace, name }),
      pod: (namespace, name) => find(Pods, { namespace, name }),
      secret: (namespace, name) => find(Secrets, { namespace, name }),
      node: (name) => find(Nodes, { name }),
    },
  });
  return {
    authenticator: authenticatorChain([
      clientCertificate({ ca: options.clientCa, clock }),
      bearerToken([tokens], { clock }),
    ]),
    tokenIssuer: serviceAccountTokenIssuer({ keys, issuer, clock }),
    routes: [openIdRoute({ issuer, keys, jwksUri: options.jwksUri })],
    attach(client) {
      attached = client;
    },
  };
}
