/** Requests in the name of whoever a token belongs to: without the administrator's certificate. @module */
import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { TokenRequest, TokenRequestSpec } from "#api/authentication/v1/types.gen";
import { clientConfigOf, parseKubeconfig } from "#client/node";
import type { ConformanceContext, HttpAnswer, HttpRequest } from "../harness/index.ts";
import { sendHttp } from "../harness/http.ts";

export interface Caller {
  /** `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Of the authority that the administrator's kubeconfig names. */
  readonly ca: string;
  send(request: HttpRequest, token?: string): Promise<HttpAnswer>;
}

export async function newCaller(t: ConformanceContext): Promise<Caller> {
  const text = await readFile(t.kubeconfigPath, "utf8");
  const config = clientConfigOf(await parseKubeconfig(text, t.kubeconfigPath), {});
  const ca = Buffer.from(config.ca as Uint8Array).toString();
  const agent = new Agent({ ca, keepAlive: false });
  t.cleanup(async () => agent.destroy());
  return {
    server: config.server,
    ca,
    send: ({ headers, ...request }, token) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return sendHttp(
        config.server,
        agent,
        { ...request, headers: { ...headers, ...authorization } },
        t.signal,
      );
    },
  };
}

/** By the TokenRequest API, as kubelets and `kubectl create token` do. */
export async function requestToken(
  { client, signal, namespace }: ConformanceContext,
  account: string,
  spec: TokenRequestSpec = {},
): Promise<Required<NonNullable<TokenRequest["status"]>>> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const ref = { namespace, name: account };
  const { status } = (await client.createSubresource(
    ServiceAccounts,
    ref,
    "token",
    body,
    signal,
  )) as TokenRequest;
  return status as Required<NonNullable<TokenRequest["status"]>>;
}

/** The claims, unchecked. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  return JSON.parse(payload) as Readonly<Record<string, unknown>>;
}
