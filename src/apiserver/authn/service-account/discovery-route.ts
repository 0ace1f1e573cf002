/** `/.well-known/openid-configuration` and `/openid/v1/jwks`: by them others check our ServiceAccount tokens. @module */
import { badRequest, StatusError } from "#apimachinery";
import type { Result } from "../../handlers/request.ts";
import type { Route } from "../../http/route.ts";
import { jsonWebKeySet, openIdConfiguration } from "./discovery.ts";
import type { SigningKey } from "./signing-key.ts";

const CONFIGURATION = "/.well-known/openid-configuration";
const KEYS = "/openid/v1/jwks";
/** Keys change rarely, and the old ones stay valid for a while. */
const HEADERS = { "cache-control": "public, max-age=3600" };

export interface OpenIdRouteOptions {
  readonly issuer: string;
  readonly keys: readonly SigningKey[];
  /** Where others fetch the keys. Default: below the issuer. */
  readonly jwksUri?: string | undefined;
}

export function openIdRoute({ issuer, keys, jwksUri }: OpenIdRouteOptions): Route {
  const configuration = document("application/json", openIdConfiguration(issuer, keys, jwksUri));
  const keySet = document("application/jwk-set+json", jsonWebKeySet(keys));
  return {
    matches: (path) => path === CONFIGURATION || path === KEYS,
    handle({ method, path }) {
      if (method !== "GET" && method !== "HEAD") {
        throw new StatusError("MethodNotAllowed", `${method} is not allowed for ${path}`, { details: {} });
      }
      if (!issuer.startsWith("https://")) throw badRequest("the issuer of tokens is no https URL");
      return path === CONFIGURATION ? configuration : keySet;
    },
  };
}

function document(contentType: string, value: unknown): Result {
  return { type: "bytes", status: 200, contentType, body: JSON.stringify(value), headers: HEADERS };
}
