/** How much of the server a request will take: seats while it runs, and seats kept for a while after it. @module */
import { fields } from "#apimachinery";
import type { RequestInfo } from "../http/request-info.ts";

export interface WorkEstimate {
  readonly initialSeats: number;
  /** Kept after the answer, for what the request sets in motion. */
  readonly finalSeats: number;
  readonly additionalLatencyMs: number;
}

export interface ObjectStats {
  readonly count: number;
  readonly averageBytes: number;
}

export interface EstimateFacts {
  /** Of the priority level; 0: it does not say. */
  readonly seatsMax: number;
  /** Undefined: no resource that is counted. */
  readonly objectStats: () => ObjectStats | undefined;
  /** Watches that would see what the request changes. */
  readonly watchCount: () => number;
}

export const ONE_SEAT: WorkEstimate = { initialSeats: 1, finalSeats: 0, additionalLatencyMs: 0 };

const LIST_SEATS_MAX = 100;
const MUTATING_SEATS_MAX = 10;
const BYTES_PER_SEAT = 100_000;
/** A list from the cache is streamed: more than this is never in memory at once. */
const STREAMED_BYTES_MAX = 1_000_000;
const WATCHES_PER_SEAT = 10;
const EVENT_MS = 5;
const MUTATING: ReadonlySet<string> = new Set(["create", "update", "patch", "delete"]);
const LIMIT = /^[+-]?\d+$/;

/** Most requests: nothing has to be looked at. */
export function isOneSeat({ isResourceRequest, verb }: RequestInfo): boolean {
  return !isResourceRequest || verb === "get";
}

export function estimateWork(info: RequestInfo, query: URLSearchParams, facts: EstimateFacts): WorkEstimate {
  if (isOneSeat(info)) return ONE_SEAT;
  if (info.verb === "list" || info.verb === "watch") return estimateList(info, query, facts);
  return MUTATING.has(info.verb) ? estimateMutating(info, facts) : ONE_SEAT;
}

export function seatsOf({ initialSeats, finalSeats }: WorkEstimate): number {
  return Math.max(initialSeats, finalSeats);
}

function estimateList(info: RequestInfo, query: URLSearchParams, facts: EstimateFacts): WorkEstimate {
  const text = (name: string): string => query.get(name) ?? "";
  const seatsMax = boundedSeats(facts.seatsMax, LIST_SEATS_MAX);
  const resourceVersion = text("resourceVersion");
  const isAnyOrLatest = resourceVersion === "" || resourceVersion === "0";
  if (info.verb === "watch") {
    // A watch costs what it begins with.
    const sends = query.has("sendInitialEvents") && isOn(text("sendInitialEvents"));
    if (!sends && !isAnyOrLatest) return ONE_SEAT;
  }
  const limitText = text("limit");
  if (limitText !== "" && !LIMIT.test(limitText)) return seats(seatsMax);
  const stats = facts.objectStats();
  if (stats === undefined) return ONE_SEAT;
  const limit = Number(limitText);
  const limited = limit > 0 && limit < stats.count ? limit : stats.count;
  const isFromCache = info.verb === "watch" || !isFromStorage(query, isAnyOrLatest, limit);
  const hasSelector = text("fieldSelector") !== "" || text("labelSelector") !== "";
  let objects = limited;
  if (namesOne(info, text("fieldSelector"))) objects = 1;
  else if (!isFromCache && hasSelector) objects = Math.max(limited, Math.floor(stats.count / 2));
  const bytes = objects * stats.averageBytes;
  const atOnce = isFromCache ? Math.min(bytes, STREAMED_BYTES_MAX) : bytes;
  return seats(Math.min(seatsMax, Math.max(1, Math.ceil(atOnce / BYTES_PER_SEAT))));
}

/** Upstream's rule for lists that its cache does not answer; ours answers some of them, and they cost as much. */
function isFromStorage(query: URLSearchParams, isAnyOrLatest: boolean, limit: number): boolean {
  const match = query.get("resourceVersionMatch") ?? "";
  if (match === "NotOlderThan") return false;
  if (match !== "") return true;
  return (query.get("continue") ?? "") !== "" || (limit > 0 && !isAnyOrLatest);
}

function namesOne({ name }: RequestInfo, selector: string): boolean {
  if (name !== "") return true;
  if (!selector.includes("metadata.name")) return false;
  try {
    return fields.requiresExactMatch(fields.parse(selector), "metadata.name") !== undefined;
  } catch (err) {
    if (err instanceof fields.FieldSelectorError) return false; // its list will be refused
    throw err;
  }
}

function estimateMutating({ resource, subresource }: RequestInfo, facts: EstimateFacts): WorkEstimate {
  // A token is stored nowhere: nobody watches it.
  if (resource === "serviceaccounts" && subresource === "token") return ONE_SEAT;
  const watches = facts.watchCount();
  if (watches < WATCHES_PER_SEAT) return ONE_SEAT;
  const wanted = Math.ceil(watches / WATCHES_PER_SEAT);
  const finalSeats = Math.min(wanted, boundedSeats(facts.seatsMax, MUTATING_SEATS_MAX));
  // Fewer seats are kept for longer.
  return { initialSeats: 1, finalSeats, additionalLatencyMs: (wanted * EVENT_MS) / finalSeats };
}

function boundedSeats(seatsMax: number, limit: number): number {
  return seatsMax === 0 ? limit : Math.min(seatsMax, limit);
}

function seats(initialSeats: number): WorkEstimate {
  return initialSeats === 1 ? ONE_SEAT : { initialSeats, finalSeats: 0, additionalLatencyMs: 0 };
}

function isOn(value: string): boolean {
  return value !== "false" && value !== "0";
}
