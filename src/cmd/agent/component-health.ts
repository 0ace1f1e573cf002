/** Asks each part of the cluster whether it works, where it answers for that: what makes its pod Ready. @module */
import { Resolver } from "node:dns/promises";
import { request as httpsRequest } from "node:https";
import type { Transport } from "#client";
import { urlHost } from "#api/validation/ip-range";
import { connectionError, httpRequest, lookupError } from "#component-base";
import type { ComponentHealthFlags } from "./component-flags.ts";

/** Rejects, with the reason, while the component does not work. */
export type HealthCheck = (signal: AbortSignal) => Promise<void>;

/** Components of the server that answer nowhere (port 0) are asked for at the API server, whose process they are part of. */
export interface HealthOptions extends ComponentHealthFlags {
  /** To the API server, as the node. */
  readonly transport: Transport;
  readonly nodeIp: string;
  readonly clusterDomain: string;
  /** Undefined: nowhere now; it is a part of this process. */
  readonly proxyLivezUrl: () => string | undefined;
}

const OK_MAX = 399;

/** By component. */
export function healthChecks(options: HealthOptions): Readonly<Record<string, HealthCheck>> {
  const { transport, componentBindAddress: host, proxyLivezUrl, nodeIp, clusterDomain } = options;
  const apiServer: HealthCheck = async (signal) => {
    for await (const _ of transport.stream({ method: "GET", path: "/readyz" }, signal));
  };
  const ofServer = (port: number): HealthCheck =>
    port === 0 ? apiServer : (signal) => ask(`https://${urlHost(host)}:${port}/readyz`, signal);
  return {
    "kube-apiserver": apiServer,
    "kube-scheduler": ofServer(options.schedulerSecurePort),
    "kube-controller-manager": ofServer(options.controllerManagerSecurePort),
    "kube-proxy": async (signal) => {
      // not /healthz: a node that load balancers shall leave has a proxy that works
      const url = proxyLivezUrl();
      if (url !== undefined) await ask(url, signal);
    },
    coredns: (signal) => lookUp(`kubernetes.default.svc.${clusterDomain}`, nodeIp, signal),
  };
}

/** Certificates are not checked, as by the kubelet's probes: the address is the node's own. */
function ask(url: string, signal: AbortSignal): Promise<void> {
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = { signal, agent: false as const, rejectUnauthorized: false };
    const request = send(url, options, (response) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.once("error", reject);
      response.once("end", () => {
        if (statusCode <= OK_MAX) resolve();
        else reject(new Error(`HTTP probe failed with statuscode: ${statusCode}`));
      });
    });
    request.once("error", (cause) =>
      reject(new Error(`Get ${JSON.stringify(url)}: ${connectionError(cause, new URL(url))}`, { cause })),
    );
    request.end();
  });
}

/** The name that every cluster has. */
async function lookUp(name: string, server: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const resolver = new Resolver({ tries: 1 });
  resolver.setServers([urlHost(server)]);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    await resolver.resolve4(name);
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ECANCELLED") throw err;
    // that there is none of this family is an answer too
    if (code !== "ENODATA") throw new Error(lookupError(err, name, server), { cause: err });
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
