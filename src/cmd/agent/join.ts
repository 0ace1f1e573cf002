/** Joins a cluster: the first client certificate of a node that has nothing but a token. @module */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { newClient } from "#client";
import { clientConfigOf, newHttpTransport, parseKubeconfig, type ClientConfig } from "#client/node";
import { bootstrapClientCertificate, CertificateStore } from "#kubelet";
import { discoverCluster, type DiscoveryOptions } from "./discovery.ts";

export interface JoinFlags {
  readonly server?: string;
  readonly token?: string;
  readonly discoveryTokenCaCertHash?: readonly string[];
  readonly discoveryTokenUnsafeSkipCaVerification?: boolean;
  /** ms. */
  readonly discoveryTimeout?: number;
  /** Server, authority and token in one file, instead of the flags above. */
  readonly bootstrapKubeconfig?: string;
  readonly nodeName: string;
  readonly certDir: string;
}

export interface JoinContext {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Resolves when `ca.crt` and a valid client certificate are in the folder of certificates; at once if they are, so that the
 * same command line starts the node for the rest of its life. Resolves with the server's address.
 */
export async function joinCluster(
  flags: JoinFlags,
  { clock, logger }: JoinContext,
  signal: AbortSignal,
): Promise<string> {
  const { certDir, nodeName, token, bootstrapKubeconfig } = flags;
  const server = flags.server ?? (await bootstrapConfig(bootstrapKubeconfig)).server;
  const store = new CertificateStore(certDir, "kubelet-client");
  const current = await store.current();
  const isValid = current !== undefined && current.leaf.validToDate.getTime() > clock.now();
  if (isValid || (token === undefined && bootstrapKubeconfig === undefined)) return server;
  const config = token === undefined ? await bootstrapConfig(bootstrapKubeconfig) : { server, token };
  const found =
    token === undefined
      ? config.ca && (await pemText(config.ca))
      : await discoverCluster(discoveryOf(flags, { server, token, clock, logger }), signal);
  await mkdir(certDir, { recursive: true, mode: 0o700 });
  const caFile = join(certDir, "ca.crt");
  const isNew = found !== undefined && !existsSync(caFile);
  if (found !== undefined) await writeFile(caFile, found);
  const transport = newHttpTransport({ ...config, server, ca: { file: caFile } }, { clock });
  try {
    const client = newClient(transport, { userAgent: "kubelet" });
    const options = { client, clock, logger, store, certDir, nodeName };
    const { leaf } = await bootstrapClientCertificate(options, signal);
    logger.info("Joined the cluster", { node: nodeName, notAfter: leaf.validTo });
  } catch (err) {
    // who was refused is no part of the cluster; who was interrupted goes on later
    if (isNew && !signal.aborted) await rm(caFile);
    throw err;
  } finally {
    await transport.close();
  }
  return server;
}

function discoveryOf(
  flags: JoinFlags,
  common: Pick<DiscoveryOptions, "server" | "token" | "clock" | "logger">,
): DiscoveryOptions {
  return {
    ...common,
    caCertHashes: flags.discoveryTokenCaCertHash ?? [],
    isUnpinned: flags.discoveryTokenUnsafeSkipCaVerification === true,
    ...(flags.discoveryTimeout !== undefined && { timeoutMs: flags.discoveryTimeout }),
  };
}

async function bootstrapConfig(path: string | undefined): Promise<ClientConfig> {
  if (path === undefined) throw new Error("either --server or --bootstrap-kubeconfig is needed");
  return clientConfigOf(await parseKubeconfig(await readFile(path, "utf8"), path), {});
}

async function pemText(pem: NonNullable<ClientConfig["ca"]>): Promise<string> {
  if (typeof pem === "string") return pem;
  return "file" in pem ? readFile(pem.file, "utf8") : Buffer.from(pem).toString();
}
