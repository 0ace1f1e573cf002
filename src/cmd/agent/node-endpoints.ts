/** What the node's components answer about themselves on its address: with the kubelet's certificate, or without TLS if that was asked for. @module */
import { urlHost } from "#api/validation/ip-range";
import type { HttpCertificates, HttpSecurity, Live } from "#component-base";
import type { DnsOptions } from "#dns";
import type { PlainEndpoint } from "./plain-http-flag.ts";

/** All addresses include this one. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "[::1]" };

export interface EndpointFlags {
  readonly dnsMetricsPort: number;
  readonly dnsHealthPort: number;
  readonly dnsReadyPort: number;
  readonly plainHttp?: readonly PlainEndpoint[];
}

/** For `name`; absent where plain HTTP was asked for. Health is for everybody: whoever may ask decides of metrics alone. */
export function securityOf(
  name: PlainEndpoint,
  { plainHttp = [] }: Pick<EndpointFlags, "plainHttp">,
  certificates: Live<HttpCertificates>,
  admit?: HttpSecurity["admit"],
): { readonly secure?: HttpSecurity } {
  if (plainHttp.includes(name)) return {};
  return { secure: { certificates, ...(admit !== undefined && { admit }) } };
}

/** Where the name server answers for itself. */
export function dnsEndpoints(
  flags: EndpointFlags,
  host: string,
  certificates: Live<HttpCertificates>,
  admit: NonNullable<HttpSecurity["admit"]>,
): Pick<DnsOptions, "metrics" | "health" | "ready"> {
  const { dnsMetricsPort, dnsHealthPort, dnsReadyPort } = flags;
  const metrics = securityOf("dns-metrics", flags, certificates, admit);
  const health = securityOf("dns-health", flags, certificates);
  const ready = securityOf("dns-ready", flags, certificates);
  return {
    ...(dnsMetricsPort > 0 && { metrics: { host, port: dnsMetricsPort, ...metrics } }),
    ...(dnsHealthPort > 0 && { health: { host, port: dnsHealthPort, ...health } }),
    ...(dnsReadyPort > 0 && { ready: { host, port: dnsReadyPort, ...ready } }),
  };
}

/** Where kube-proxy tells of its health, for whoever is on the node; undefined: nowhere, or not before there is a certificate. */
export function proxyLivezUrl(
  healthz: { readonly host: string; readonly port: number; readonly secure?: HttpSecurity } | undefined,
): string | undefined {
  if (healthz === undefined) return undefined;
  const { host, port, secure } = healthz;
  if (secure !== undefined && secure.certificates.current.cert === undefined) return undefined;
  const name = LOOPBACK[host] ?? urlHost(host);
  return `${secure === undefined ? "http" : "https"}://${name}:${port}/livez`;
}
