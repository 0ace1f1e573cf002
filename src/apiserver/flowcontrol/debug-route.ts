/** `/debug/api_priority_and_fairness/…`: the levels, the queues and the requests in them, as tables. @module */
import { formatDuration, formatMicroTime, type Clock } from "#apimachinery";
import type { ApiRequest, Result } from "../handlers/request.ts";
import { queryValue } from "../handlers/request.ts";
import type { Route } from "../http/route.ts";
import type { SeatRequest } from "./fair-queue.ts";
import type { FlowControl } from "./flow-control.ts";
import type { PriorityLevel } from "./priority-level.ts";

const PREFIX = "/debug/api_priority_and_fairness/";
/** Go's tabwriter, as upstream uses it. */
const CELL_WIDTH_MIN = 8;

type Row = readonly string[];
type Dump = (
  levels: readonly PriorityLevel[],
  request: ApiRequest,
  wallMs: (ms: number) => number,
) => readonly Row[];

const DUMPS: ReadonlyMap<string, Dump> = new Map<string, Dump>([
  [`${PREFIX}dump_priority_levels`, dumpPriorityLevels],
  [`${PREFIX}dump_queues`, dumpQueues],
  [`${PREFIX}dump_requests`, dumpRequests],
]);

export function debugRoute(control: FlowControl, clock: Clock): Route {
  const wallMs = (monotonicMs: number): number => clock.now() - clock.monotonicMs() + monotonicMs;
  return {
    matches: (path) => path.startsWith(PREFIX) && DUMPS.has(path),
    handle(request): Result {
      const levels = [...control.levels.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const body = table(DUMPS.get(request.path)!(levels, request, wallMs));
      return { type: "bytes", status: 200, contentType: "text/plain; charset=utf-8", body };
    },
  };
}

function dumpPriorityLevels(levels: readonly PriorityLevel[]): readonly Row[] {
  const rows = levels.map(({ name, queueSet, isQuiescing }) => {
    const { queues, isIdle, waiting, executing, totals } = queueSet;
    const active = queues.filter(({ length }) => length > 0).length;
    const { dispatched, rejected, timedOut, cancelled } = totals;
    return [name, active, isIdle, isQuiescing, waiting, executing, dispatched, rejected, timedOut, cancelled];
  });
  const head = [
    "PriorityLevelName",
    "ActiveQueues",
    "IsIdle",
    "IsQuiescing",
    "WaitingRequests",
    "ExecutingRequests",
    "DispatchedRequests",
    "RejectedRequests",
    "TimedoutRequests",
    "CancelledRequests",
  ];
  return [head, ...rows.map((row) => row.map(String))];
}

function dumpQueues(levels: readonly PriorityLevel[]): readonly Row[] {
  const rows = levels.flatMap(({ name, queueSet }) =>
    queueSet.queues.map((queue, i) => [
      name,
      String(i),
      String(queue.length),
      String(queue.executing),
      String(queue.seatsInUse),
      seatSeconds(queue.nextDispatchR),
      String(queue.initialSeatsSum),
      String(queue.maxSeatsSum),
      seatSeconds(queue.totalWorkSum),
    ]),
  );
  const head = [
    "PriorityLevelName",
    "Index",
    "PendingRequests",
    "ExecutingRequests",
    "SeatsInUse",
    "NextDispatchR",
    "InitialSeatsSum",
    "MaxSeatsSum",
    "TotalWorkSum",
  ];
  return [head, ...rows];
}

function dumpRequests(
  levels: readonly PriorityLevel[],
  request: ApiRequest,
  wallMs: (ms: number) => number,
): readonly Row[] {
  const withDetails = queryValue(request, "includeRequestDetails") !== "";
  const rowOf = (level: string, queue: number, index: number, one: SeatRequest): Row => [
    level,
    one.stats.schema,
    String(queue),
    String(index),
    one.distinguisher,
    formatMicroTime(wallMs(one.arrivedMs)),
    String(one.work.initialSeats),
    String(one.work.finalSeats),
    formatDuration(one.work.additionalLatencyMs),
    one.startedMs === undefined ? "0001-01-01T00:00:00Z" : formatMicroTime(wallMs(one.startedMs)),
    ...(withDetails ? detailsOf(one) : []),
  ];
  const rows = levels.flatMap(({ name, queueSet }) => {
    const { queues } = queueSet;
    const waiting = queues.flatMap((queue, at) =>
      Array.from(queue.requests(), (one, i) => rowOf(name, at, i, one)),
    );
    const running = Array.from(queueSet.running(), (one) =>
      rowOf(name, one.queue === undefined ? -1 : queues.indexOf(one.queue), -1, one),
    );
    return [...waiting, ...running];
  });
  return [[...REQUEST_HEAD, ...(withDetails ? DETAILS_HEAD : [])], ...rows];
}

const REQUEST_HEAD: Row = [
  "PriorityLevelName",
  "FlowSchemaName",
  "QueueIndex",
  "RequestIndexInQueue",
  "FlowDistingsher",
  "ArriveTime",
  "InitialSeats",
  "FinalSeats",
  "AdditionalLatency",
  "StartTime",
];
const DETAILS_HEAD: Row = [
  "UserName",
  "Verb",
  "APIPath",
  "Namespace",
  "Name",
  "APIVersion",
  "Resource",
  "SubResource",
];

function detailsOf({ user, info }: SeatRequest): Row {
  const { verb, path, namespace, name, group, version, resource, subresource } = info;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return [user.name, verb, path, namespace, name, apiVersion, resource, subresource];
}

function seatSeconds(value: number): string {
  return `${value.toFixed(8)}ss`;
}

/** Columns as wide as their widest cell, separated by commas; the last one as it is. */
function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, i) => (i < row.length - 1 ? `${cell},` : cell)));
  const widths = cells[0]!.map((_, i) =>
    Math.max(CELL_WIDTH_MIN, ...cells.map((row) => (row[i] ?? "").length + 1)),
  );
  return cells
    .map((row) => row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i]!) : cell)).join("") + "\n")
    .join("");
}
