/** Finds the FlowSchema of a request, and remembers what it found by user and shape of request. @module */
import type { FlowSchema } from "#api/flowcontrol/v1/types.gen";
import type { RequestInfo } from "../http/request-info.ts";
import type { UserInfo } from "../user-info.ts";
import type { FlowStats } from "./flow-stats.ts";
import { matchesFlowSchema } from "./match.ts";
import type { PriorityLevel } from "./priority-level.ts";
import { dealHand, hashFlow, type Hand } from "./shuffle-shard.ts";

/** The requests that are queued alike. */
export interface Flow {
  readonly level: PriorityLevel;
  readonly stats: FlowStats;
  readonly distinguisher: string;
  readonly hand: Hand;
  readonly schemaUid: string;
  readonly levelUid: string;
}

export interface ClassifierOptions {
  /** In order of precedence; the last one is for everybody. */
  readonly schemas: readonly FlowSchema[];
  /** Every level that a schema names. */
  readonly levels: ReadonlyMap<string, PriorityLevel>;
  readonly stats: (level: string, schema: string) => FlowStats;
}

/** Shapes remembered of one user; beyond it they are learnt anew. */
const SHAPES_MAX = 512;
const ONLY_QUEUE: Hand = [0];

/** For one configuration: what was found holds as long as it does. */
export class Classifier {
  readonly #options: ClassifierOptions;
  /** Users are remembered by those who authenticate them, as one object each; with them goes what they asked for. */
  readonly #known = new WeakMap<UserInfo, Map<string, Flow>>();

  constructor(options: ClassifierOptions) {
    this.#options = options;
  }

  classify(user: UserInfo, info: RequestInfo): Flow {
    let shapes = this.#known.get(user);
    if (shapes === undefined) this.#known.set(user, (shapes = new Map()));
    const shape = shapeOf(info);
    const known = shapes.get(shape);
    if (known !== undefined) return known;
    const flow = this.#find(user, info);
    if (shapes.size >= SHAPES_MAX) shapes.clear();
    shapes.set(shape, flow);
    return flow;
  }

  #find(user: UserInfo, info: RequestInfo): Flow {
    const { schemas, levels, stats } = this.#options;
    // Everybody is authenticated or not; should a user be neither, the last schema is theirs all the same.
    const schema = schemas.find((candidate) => matchesFlowSchema(candidate, user, info)) ?? schemas.at(-1)!;
    const { name, uid: schemaUid = "" } = schema.metadata;
    const level = levels.get(schema.spec!.priorityLevelConfiguration.name)!;
    const { queues, handSize } = level.queuing;
    const distinguisher = queues > 1 ? distinguisherOf(schema, user, info) : "";
    return {
      level,
      stats: stats(level.name, name),
      distinguisher,
      hand: queues > 1 ? dealHand(hashFlow(name, distinguisher), queues, handSize) : ONLY_QUEUE,
      schemaUid,
      levelUid: level.uid,
    };
  }
}

/** Everything that rules and distinguishers look at. */
function shapeOf({
  isResourceRequest,
  verb,
  group,
  resource,
  subresource,
  namespace,
  path,
}: RequestInfo): string {
  return isResourceRequest ? `${verb} ${group}/${resource}/${subresource} ${namespace}` : `${verb} ${path}`;
}

function distinguisherOf({ spec }: FlowSchema, user: UserInfo, info: RequestInfo): string {
  const method = spec?.distinguisherMethod?.type;
  if (method === "ByUser") return user.name;
  return method === "ByNamespace" ? info.namespace : "";
}
