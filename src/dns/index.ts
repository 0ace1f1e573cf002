/** Public surface of dns: the cluster's name server. @module */
export { runDns, type DnsOptions } from "./run-dns.ts";
export { type ListenAddress } from "./listen.ts";
export { CONFIG_NAME, CONFIG_NAMESPACE, upstreamsOf } from "./dns-config.ts";
