/** Credentials from another program: the `exec` section of a kubeconfig user (client.authentication.k8s.io). @module */
import { spawn } from "node:child_process";
import { readPem, type KeyPair } from "./tls-options.ts";
import type { ClientConfig, ExecPlugin } from "./client-config.ts";

export interface ExecCredential {
  readonly token?: string;
  readonly keyPair?: KeyPair;
  /** ms since 1970; absent: good until the server refuses them. */
  readonly expiryMs?: number;
}

const API_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
const OUTPUT_BYTES_MAX = 1 << 20;

/** Runs the plugin of `config.exec`, which must be there. Its standard error is shown in the error when it fails. */
export async function runExecPlugin(config: ClientConfig, signal: AbortSignal): Promise<ExecCredential> {
  const plugin = config.exec!;
  if (!API_VERSIONS.includes(plugin.apiVersion))
    throw new Error(`exec plugin ${plugin.command}: unknown apiVersion ${JSON.stringify(plugin.apiVersion)}`);
  // Nobody can answer its questions: the client runs without a terminal.
  if (plugin.interactiveMode === "Always")
    throw new Error(`exec plugin ${plugin.command} needs a terminal (interactiveMode: Always)`);
  const info = {
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(plugin.provideClusterInfo && { cluster: await clusterInfo(config) }) },
  };
  const output = await run(plugin, { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }, signal);
  return parseCredential(plugin, output);
}

async function clusterInfo(config: ClientConfig): Promise<Record<string, unknown>> {
  const { server, ca, tlsServerName, insecureSkipTlsVerify } = config;
  const data = ca === undefined ? undefined : Buffer.from(await readPem(ca)).toString("base64");
  return {
    server,
    ...(data !== undefined && { "certificate-authority-data": data }),
    ...(tlsServerName !== undefined && { "tls-server-name": tlsServerName }),
    ...(insecureSkipTlsVerify === true && { "insecure-skip-tls-verify": true }),
    config: null,
  };
}

function run(plugin: ExecPlugin, env: Record<string, string>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      const hint = plugin.installHint === undefined ? "" : `\n${plugin.installHint}`;
      reject(new Error(`exec plugin ${plugin.command} ${why}${hint}`, { cause }));
    };
    const child = spawn(plugin.command, plugin.args, { env, stdio: ["ignore", "pipe", "pipe"], signal });
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length > OUTPUT_BYTES_MAX) child.kill();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (complaint.length < OUTPUT_BYTES_MAX) complaint += text;
    });
    child.once("error", (err) => fail(`did not start: ${err.message}`, err));
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve(output);
      else fail(`failed with ${killedBy ?? `exit code ${code}`}: ${complaint.trim()}`);
    });
  });
}

function parseCredential({ command, apiVersion }: ExecPlugin, output: string): ExecCredential {
  interface Answer {
    readonly kind?: string;
    readonly apiVersion?: string;
    readonly status?: {
      readonly token?: string;
      readonly clientCertificateData?: string;
      readonly clientKeyData?: string;
      readonly expirationTimestamp?: string;
    };
  }
  const answer = parseJson(output) as Answer | undefined;
  if (answer === undefined) throw new Error(`exec plugin ${command} did not answer with JSON`);
  if (answer.kind !== "ExecCredential" || answer.apiVersion !== apiVersion)
    throw new Error(`exec plugin ${command} did not answer with an ExecCredential of ${apiVersion}`);
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = answer.status ?? {};
  if ((clientCertificateData === undefined) !== (clientKeyData === undefined))
    throw new Error(`exec plugin ${command} answered with a certificate or a key alone`);
  if (token === undefined && clientCertificateData === undefined)
    throw new Error(`exec plugin ${command} answered with neither a token nor a certificate`);
  return {
    ...(token !== undefined && { token }),
    ...(clientCertificateData !== undefined && {
      keyPair: { cert: clientCertificateData, key: clientKeyData! },
    }),
    ...(expirationTimestamp !== undefined && { expiryMs: Date.parse(expirationTimestamp) }),
  };
}

/** The error of the parser would quote the output, which may hold a token. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
