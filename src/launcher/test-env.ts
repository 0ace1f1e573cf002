/** What the launcher's tests give it instead of the environment: a home of its own, and progress that is remembered. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LauncherEnv } from "./paths.ts";
import type { Profile } from "./profile.ts";

export interface TestEnv extends AsyncDisposable {
  readonly env: LauncherEnv;
}

export async function newTestEnv(): Promise<TestEnv> {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-launcher-"));
  const env = {
    home: join(dir, "home"),
    kubeconfig: join(dir, "kubeconfig"),
    isRoot: false,
    installDir: dir,
    path: "/usr/bin:/bin",
  };
  return { env, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

export function testProfile(env: LauncherEnv, changes: Partial<Profile> = {}): Profile {
  return {
    name: "test",
    driver: "simulated",
    nodes: [{ name: "k8ts-test", ip: "127.0.0.1", role: "control-plane", kubeletPort: 10_250 }],
    apiServer: { host: "127.0.0.1", port: 6443 },
    podCIDR: "10.244.0.0/16",
    serviceCIDR: "10.96.0.0/12",
    dnsIP: "10.96.0.10",
    dnsDomain: "cluster.local",
    kubeconfig: env.kubeconfig,
    ...changes,
  };
}
