/** Public surface of dns: the cluster's name server. @module */
export { runDns, type DnsOptions, type ListenAddress } from "./run-dns.ts";
export { upstreamsOf } from "./forward.ts";
