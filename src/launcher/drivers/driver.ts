/** What differs between the ways of making nodes: network namespaces, the machine itself, or nothing at all. @module */
import type { DriverName, NodeSpec, Profile } from "../profile.ts";

export interface Driver {
  readonly name: DriverName;
  /** Whether nodes run real containers, and so need root and containerd. */
  readonly isReal: boolean;
  /** Debian packages by the program that shows their presence. */
  readonly packages: Readonly<Record<string, string>>;
  /** Makes what the nodes stand on (bridge, namespaces). Safe to repeat. */
  up(profile: Profile, signal: AbortSignal): Promise<void>;
  /** Takes the nodes away, also when only half of them is there; their addresses stay the cluster's. */
  down(profile: Profile, signal: AbortSignal): Promise<void>;
  /** Removes everything that `up` made. */
  remove(profile: Profile, signal: AbortSignal): Promise<void>;
  /** Adds and removes single nodes of a living cluster. */
  nodeUp(profile: Profile, node: NodeSpec, signal: AbortSignal): Promise<void>;
  nodeDown(profile: Profile, node: NodeSpec, signal: AbortSignal): Promise<void>;
  /** The command as it must be run to be on that node. */
  onNode(
    profile: Profile,
    node: NodeSpec,
    command: readonly [string, ...string[]],
  ): readonly [string, ...string[]];
}
