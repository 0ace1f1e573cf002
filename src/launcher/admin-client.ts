/** The launcher's own client of a profile's cluster. @module */
import { join } from "node:path";
import type { Clock } from "#apimachinery";
import { newClient, type Client } from "#client";
import { newHttpTransport, type ClientConfig } from "#client/node";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { serverURL, type Profile } from "./profile.ts";

export interface AdminClient extends AsyncDisposable {
  readonly client: Client;
}

/** Connects on the first request; close it by leaving its scope. */
export function adminClient(env: LauncherEnv, profile: Profile, clock: Clock): AdminClient {
  const transport = newHttpTransport(adminConfig(env, profile), { clock });
  return {
    client: newClient(transport, { userAgent: "k8ts-launcher" }),
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

export function adminConfig(env: LauncherEnv, profile: Profile): ClientConfig {
  const { pki } = profilePaths(env, profile.name);
  const file = (name: string): { readonly file: string } => ({ file: join(pki, name) });
  return {
    server: serverURL(profile),
    ca: file("ca.crt"),
    clientCertificate: { cert: file("admin.crt"), key: file("admin.key") },
  };
}
