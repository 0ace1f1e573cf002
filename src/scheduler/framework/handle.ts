/** What plugins are given of the scheduler they are part of; upstream's `framework.Handle`. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Client, EventRecorder, InformerFactory, MetricsSink } from "#client";
import type { NodeInfo } from "../cache/node-info.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { Extender } from "../extender/extender.ts";
import type { NominatedPods } from "../preemption/nominated-pods.ts";
import type { Cycle, Plugin, Snapshot } from "./plugin.ts";
import type { Status } from "./status.ts";
import type { WaitingPods } from "./waiting-pods.ts";

export interface Handle {
  /** The scheduler name of the profile that the plugin is made for. */
  readonly profileName: string;
  readonly client: Client;
  /** Ask for listers and informers while the plugin is made: they are started after that. */
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: MetricsSink | undefined;
  /** Nodes as they stand now. */
  readonly snapshot: Snapshot;
  /** Pods that a Permit plugin holds back. */
  readonly waitingPods: WaitingPods;
  readonly nominated: NominatedPods;
  readonly extenders: readonly Extender[];
  /** Whether the pod fits by all Filter plugins of the profile, with and without the pods promised to the node. */
  fits(cycle: Cycle, pod: PodInfo, node: NodeInfo): Status | undefined;
  /** As if `other` were on the node, or gone from it: to be taken back before the cycle ends. */
  put(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  take(cycle: Cycle, pod: PodInfo, other: PodInfo, node: NodeInfo): void;
  /** Brings waiting pods back to the queue. */
  activate(uids: Iterable<string>): void;
}

/** `args` are those of the profile's `pluginConfig`, decoded, or undefined. Throws if they make no sense. */
export type PluginFactory = (args: unknown, handle: Handle) => Plugin;

/** By the names that configuration files use. */
export type PluginRegistry = Readonly<Record<string, PluginFactory>>;
