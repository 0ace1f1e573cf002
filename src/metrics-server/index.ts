/** The resource metrics API, `metrics.k8s.io`: what nodes and pods use. @module */
export { kubeletScraper, type KubeletCredentials, type Scrape } from "./kubelet-scraper.ts";
export { MetricsServer, type MetricsServerOptions } from "./metrics-server.ts";
export { ensureMetricsApi, metricsReaderRole } from "./objects.ts";
export type { MetricsAnswer, MetricsRequest } from "./requests.ts";
