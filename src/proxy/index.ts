/** Public surface of proxy: Services' virtual addresses on one node. @module */
export { runProxy, cleanupProxy, type ProxyOptions } from "./run-proxy.ts";
export { systemNft, type NftRunner } from "./nftables/nft-runner.ts";
export { systemAddresses } from "./addresses.ts";
export { loadProxyConfiguration } from "./config/configuration.ts";
export { validateNodePortAddresses } from "./config/validation.ts";
