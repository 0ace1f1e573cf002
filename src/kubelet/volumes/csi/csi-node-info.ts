/** Tells the API which CSI drivers this node has: CSINode, and labels and an annotation of the Node. @module */
import { isConflict, isNotFound } from "#apimachinery";
import type { Client } from "#client";
import { Nodes } from "#api/core/v1/node";
import type { Node } from "#api/core/v1/types.gen";
import { CSINodes } from "#api/storage/v1/csinode";
import type { CSINode, CSINodeDriver } from "#api/storage/v1/types.gen";
import { type DriverNodeInfo, isOwnCSINode, newCSINode, nodePatch, withDriver } from "./csi-node.ts";

type NodeClient = Pick<Client, "get" | "create" | "update" | "patch" | "delete">;

/** Others write these objects as well. */
const TRIES_MAX = 5;

export class CsiNodeInfo {
  readonly #client: NodeClient;
  readonly #nodeName: string;
  /** One change at a time: all of them read, change and write the same objects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: NodeClient, nodeName: string) {
    this.#client = client;
    this.#nodeName = nodeName;
  }

  /** Makes the CSINode of this node, as every node has one. */
  ensure(signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#change(() => undefined, signal));
  }

  install(info: DriverNodeInfo, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const node = await this.#node(signal);
      await this.#patchNode(nodePatch(node, info.driver, info.nodeId, info.topology), signal);
      await this.#change((drivers) => withDriver(drivers, info), signal);
    });
  }

  /** The driver has more to say of this node, or less. */
  update(info: DriverNodeInfo, signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#change((drivers) => withDriver(drivers, info), signal));
  }

  uninstall(driver: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const without = (drivers: readonly CSINodeDriver[]): readonly CSINodeDriver[] | undefined =>
        drivers.some(({ name }) => name === driver)
          ? drivers.filter(({ name }) => name !== driver)
          : undefined;
      await this.#change(without, signal);
      await this.#patchNode(nodePatch(await this.#node(signal), driver, undefined, {}), signal);
    });
  }

  #node(signal: AbortSignal): Promise<Node> {
    return this.#client.get(Nodes, { name: this.#nodeName }, signal);
  }

  async #patchNode(body: Readonly<Record<string, unknown>> | undefined, signal: AbortSignal): Promise<void> {
    if (body === undefined) return;
    await this.#client.patch(Nodes, { name: this.#nodeName }, { type: "merge", body }, signal);
  }

  async #change(
    next: (drivers: readonly CSINodeDriver[]) => readonly CSINodeDriver[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    for (let tries = 1; ; tries++) {
      const csiNode = await this.#csiNode(signal);
      const drivers = next(csiNode.spec.drivers);
      if (drivers === undefined) return;
      try {
        await this.#client.update(CSINodes, { ...csiNode, spec: { ...csiNode.spec, drivers } }, signal);
        return;
      } catch (err) {
        if (!isConflict(err) || tries === TRIES_MAX) throw err;
      }
    }
  }

  async #csiNode(signal: AbortSignal): Promise<CSINode> {
    const ref = { name: this.#nodeName };
    const node = await this.#node(signal);
    try {
      const found = await this.#client.get(CSINodes, ref, signal);
      if (isOwnCSINode(found, node)) return found;
      await this.#client.delete(CSINodes, ref, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
    return this.#client.create(CSINodes, newCSINode(node), signal);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work);
    // Whoever comes next does not care how it ended.
    this.#last = mine.catch(() => {});
    return mine;
  }
}
