/** Flow control in Prometheus' text format, under upstream's names. @module */
import type { FlowControl } from "./flow-control.ts";
import type { FlowStats } from "./flow-stats.ts";
import type { Histogram } from "./histogram.ts";
import type { DispatchReading } from "./level-meters.ts";
import type { PriorityLevel } from "./priority-level.ts";
import { escapeLabel, family, histogramLines, type Labels } from "./text-format.ts";

const PREFIX = "apiserver_flowcontrol_";

interface FlowFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly value: (stats: FlowStats) => number;
}

interface FlowHistogram {
  readonly name: string;
  readonly help: string;
  readonly of: (stats: FlowStats) => readonly (readonly [Labels, Histogram])[];
}

interface LevelGauge {
  readonly name: string;
  readonly help: string;
  readonly value: (level: PriorityLevel) => number;
}

const FLOWS: readonly FlowFamily[] = [
  flow("counter", "dispatched_requests_total", "Requests that were let run", (s) => s.dispatched),
  flow(
    "counter",
    "request_dispatch_no_accommodation_total",
    "Times that the request whose turn it was found too few seats",
    (s) => s.noAccommodation,
  ),
  flow("gauge", "current_inqueue_requests", "Requests that wait in queues", (s) => s.waiting),
  flow("gauge", "current_inqueue_seats", "Seats that waiting requests ask for", (s) => s.seatsWaiting),
  flow(
    "gauge",
    "current_executing_requests",
    "Requests that run; of watches, those that begin",
    (s) => s.executing,
  ),
  flow("gauge", "current_executing_seats", "Seats in use", (s) => s.seatsExecuting),
];

const HISTOGRAMS: readonly FlowHistogram[] = [
  {
    name: "request_queue_length_after_enqueue",
    help: "Length of a queue as each request found it after its arrival",
    of: (s) => [[{}, s.queueLength]],
  },
  {
    name: "request_wait_duration_seconds",
    help: "Time that requests spent in queues",
    of: (s) => [
      [{ execute: "false" }, s.waitedInVain],
      [{ execute: "true" }, s.waitedAndExecuted],
    ],
  },
  {
    name: "request_execution_seconds",
    help: "Time that requests ran; of watches, their beginning",
    of: (s) => [
      [{ type: "regular" }, s.regularSeconds],
      [{ type: "watch" }, s.watchSeconds],
    ],
  },
  {
    name: "watch_count_samples",
    help: "Watches that would see what each writing request changes",
    of: (s) => [[{}, s.watchCount]],
  },
  {
    name: "work_estimated_seats",
    help: "Seats each request was estimated at",
    of: (s) => [[{}, s.estimatedSeats]],
  },
];

const LEVELS: readonly LevelGauge[] = [
  gauge("current_r", "The queues' progress", ({ queueSet }) => queueSet.meters.currentR),
  gauge(
    "dispatch_r",
    "The queues' progress at the last dispatch",
    ({ queueSet }) => queueSet.meters.dispatch.r,
  ),
  gauge(
    "latest_s",
    "Start of the last dispatched request, in progress",
    (l) => l.queueSet.meters.dispatch.latestS,
  ),
  gauge("nominal_limit_seats", "Seats by configuration", (l) => l.limits.nominal),
  gauge("lower_limit_seats", "Seats that are not lent", (l) => l.limits.min),
  gauge("upper_limit_seats", "Seats with all that may be borrowed", (l) => l.limits.max),
  gauge(
    "demand_seats_high_watermark",
    "Most seats wanted in the last interval",
    (l) => l.demand.highWatermark,
  ),
  gauge("demand_seats_average", "Mean of the seats wanted in the last interval", (l) => l.interval.average),
  gauge(
    "demand_seats_stdev",
    "Deviation of the seats wanted in the last interval",
    (l) => l.interval.deviation,
  ),
  gauge("demand_seats_smoothed", "Seats wanted, smoothed over intervals", (l) => l.demand.smoothed),
  gauge("target_seats", "Seats that would be given if there were enough", (l) => l.target),
  gauge("current_limit_seats", "Seats at present", (l) => l.currentLimit),
];

/** The text of `/metrics` that is flow control's. */
export function renderFlowMetrics(control: FlowControl, nowMs: number): string {
  const flows = [...control.flowStats()];
  const levels = [...control.levels.values()];
  return [
    rejected(flows),
    ...FLOWS.map(({ name, help, type, value }) =>
      family(
        PREFIX + name,
        type,
        help,
        flows.map((stats) => `{${flowLabels(stats)}} ${value(stats)}`),
      ),
    ),
    ...HISTOGRAMS.map(({ name, help, of }) =>
      family(
        PREFIX + name,
        "histogram",
        help,
        flows.flatMap((stats) =>
          of(stats)
            .filter(([, { count }]) => count > 0)
            .flatMap(([more, histogram]) => histogramLines(histogram, { ...labelsOf(stats), ...more })),
        ),
      ),
    ),
    ...LEVELS.map(({ name, help, value }) =>
      family(PREFIX + name, "gauge", help, levels.map(levelLine(value))),
    ),
    ...bounds(levels),
    ...utilisation(levels, nowMs),
    readWrite(control, nowMs),
    family(`${PREFIX}seat_fair_frac`, "gauge", "Fraction of its target that each level gets", [
      ` ${control.fairFraction}`,
    ]),
    family(
      "apiserver_current_inqueue_requests",
      "gauge",
      "Requests that wait in queues, by kind",
      (["mutating", "readOnly"] as const).map(
        (kind) => `{request_kind="${kind}"} ${control.readWrite.count(kind, "waiting")}`,
      ),
    ),
  ].join("");
}

function rejected(flows: readonly FlowStats[]): string {
  const lines = flows.flatMap((stats) =>
    [...stats.rejected].map(([reason, count]) => `{${flowLabels(stats)},reason="${reason}"} ${count}`),
  );
  return family(`${PREFIX}rejected_requests_total`, "counter", "Requests that were refused", lines);
}

function levelLine(value: LevelGauge["value"]): (level: PriorityLevel) => string {
  return (level) => `{priority_level="${escapeLabel(level.name)}"} ${value(level)}`;
}

function bounds(levels: readonly PriorityLevel[]): readonly string[] {
  const lines = (max: keyof DispatchReading, min: keyof DispatchReading): string[] =>
    levels.flatMap(({ name, queueSet }) => {
      const { dispatch } = queueSet.meters;
      const level = `priority_level="${escapeLabel(name)}"`;
      return [`{bound="max",${level}} ${dispatch[max]}`, `{bound="min",${level}} ${dispatch[min]}`];
    });
  return [
    family(
      `${PREFIX}next_s_bounds`,
      "gauge",
      "Earliest and latest start over the queues",
      lines("maxS", "minS"),
    ),
    family(
      `${PREFIX}next_discounted_s_bounds`,
      "gauge",
      "Earliest and latest start over the queues, less the work under way",
      lines("discountedMaxS", "discountedMinS"),
    ),
  ];
}

/** Ratios over time: their samples are the ends of nanoseconds. */
function utilisation(levels: readonly PriorityLevel[], nowMs: number): readonly string[] {
  const lines = (of: (level: PriorityLevel) => readonly (readonly [Labels, Histogram])[]): string[] =>
    levels.flatMap((level) =>
      of(level).flatMap(([more, read]) => histogramLines(read, { ...more, priority_level: level.name })),
    );
  return [
    family(
      `${PREFIX}priority_level_seat_utilization`,
      "histogram",
      "Part of the seats in use, over time",
      lines(({ queueSet }) => [[{ phase: "executing" }, queueSet.meters.seats.read(nowMs)]]),
    ),
    family(
      `${PREFIX}priority_level_request_utilization`,
      "histogram",
      "Requests as a part of their limit, over time",
      lines(({ queueSet }) => [
        [{ phase: "executing" }, queueSet.meters.executing.read(nowMs)],
        [{ phase: "waiting" }, queueSet.meters.waiting.read(nowMs)],
      ]),
    ),
    family(
      `${PREFIX}demand_seats`,
      "histogram",
      "Seats wanted as a part of the nominal ones, over time",
      lines(({ queueSet }) => [[{}, queueSet.meters.demandRatio.read(nowMs)]]),
    ),
  ];
}

function readWrite(control: FlowControl, nowMs: number): string {
  const lines = (["executing", "waiting"] as const).flatMap((phase) =>
    (["mutating", "readOnly"] as const).flatMap((kind) =>
      histogramLines(control.readWrite.ratio(kind, phase).read(nowMs), { phase, request_kind: kind }),
    ),
  );
  const help = "Reading and writing requests as a part of their limit, over time";
  return family(`${PREFIX}read_vs_write_current_requests`, "histogram", help, lines);
}

function labelsOf({ level, schema }: FlowStats): Labels {
  return { flow_schema: schema, priority_level: level };
}

function flowLabels({ level, schema }: FlowStats): string {
  return `flow_schema="${escapeLabel(schema)}",priority_level="${escapeLabel(level)}"`;
}

function flow(type: FlowFamily["type"], name: string, help: string, value: FlowFamily["value"]): FlowFamily {
  return { name, help, type, value };
}

function gauge(name: string, help: string, value: LevelGauge["value"]): LevelGauge {
  return { name, help, value };
}
