/**
 * The metrics library, as much of it as components use. Its entry brings a push gateway, Node's cluster and a tracing
 * library besides, which no process here needs.
 * @module
 */
import { createRequire } from "node:module";
import type * as Prom from "prom-client";

const require = createRequire(import.meta.url);

export const Counter = require("prom-client/lib/counter.js") as typeof Prom.Counter;
export type Counter<T extends string = string> = Prom.Counter<T>;
export const Gauge = require("prom-client/lib/gauge.js") as typeof Prom.Gauge;
export type Gauge<T extends string = string> = Prom.Gauge<T>;
export const Histogram = require("prom-client/lib/histogram.js") as typeof Prom.Histogram;
export type Histogram<T extends string = string> = Prom.Histogram<T>;
export const Registry = require("prom-client/lib/registry.js") as typeof Prom.Registry;
export type Registry = Prom.Registry;
