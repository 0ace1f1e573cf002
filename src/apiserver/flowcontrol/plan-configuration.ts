/** Makes of the stored configuration objects what the server works with. @module */
import type {
  FlowSchema,
  FlowSchemaCondition,
  PriorityLevelConfiguration,
} from "#api/flowcontrol/v1/types.gen";
import { byPrecedence } from "#api/flowcontrol/v1/flowschema";
import { formatTime } from "#apimachinery";
import { mandatoryFlowSchemas } from "./bootstrap-configuration.ts";

export interface ConditionUpdate {
  readonly name: string;
  readonly condition: FlowSchemaCondition;
}

export interface SchemaPlan {
  /** In order of precedence, those alone whose level is there; the mandatory ones in any case. */
  readonly schemas: readonly FlowSchema[];
  /** Statuses that do not say whether the level is there. */
  readonly updates: readonly ConditionUpdate[];
}

const DANGLING = "Dangling";
/** As many bits of hash as choosing a hand may use; beyond it the last card is not dealt evenly. */
const HASH_BITS_MAX = 60;

/** Objects whose parts do not fit together are as good as absent; validation lets none in. */
export function isUsable({ metadata, spec }: PriorityLevelConfiguration): boolean {
  if (spec === undefined) return false;
  const isExempt = spec.type === "Exempt";
  if (isExempt !== (metadata.name === "exempt")) return false;
  if (isExempt) return spec.exempt !== undefined && spec.limited === undefined;
  const response = spec.limited?.limitResponse;
  if (spec.type !== "Limited" || response === undefined || spec.exempt !== undefined) return false;
  const { queuing } = response;
  if (response.type === "Reject") return queuing === undefined;
  if (response.type !== "Queue" || queuing === undefined) return false;
  const { queues = 0, handSize = 0 } = queuing;
  return handSize > 0 && handSize <= queues && Math.ceil(Math.log2(queues) * handSize) <= HASH_BITS_MAX;
}

export function planSchemas(
  stored: readonly FlowSchema[],
  levels: ReadonlySet<string>,
  nowMs: number,
): SchemaPlan {
  const updates: ConditionUpdate[] = [];
  const found: FlowSchema[] = [];
  for (const schema of stored) {
    const level = schema.spec?.priorityLevelConfiguration.name ?? "";
    const isDangling = !levels.has(level);
    const condition = danglingCondition(level, isDangling);
    const current = schema.status?.conditions?.find(({ type }) => type === DANGLING);
    if (!says(current, condition)) {
      const lastTransitionTime = formatTime(nowMs);
      updates.push({ name: schema.metadata.name, condition: { ...condition, lastTransitionTime } });
    }
    if (!isDangling) found.push(schema);
  }
  const [exempt, catchAll] = mandatoryFlowSchemas;
  const has = (name: string): boolean => found.some(({ metadata }) => metadata.name === name);
  const schemas = found.toSorted(byPrecedence);
  return {
    schemas: [...(has("exempt") ? [] : [exempt!]), ...schemas, ...(has("catch-all") ? [] : [catchAll!])],
    updates,
  };
}

function danglingCondition(level: string, isDangling: boolean): FlowSchemaCondition {
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return isDangling
    ? {
        type: DANGLING,
        status: "True",
        reason: "NotFound",
        message: `${subject} but there is no such object`,
      }
    : { type: DANGLING, status: "False", reason: "Found", message: `${subject} and it exists` };
}

function says(current: FlowSchemaCondition | undefined, wanted: FlowSchemaCondition): boolean {
  if (current === undefined) return false;
  const { status, reason, message } = wanted;
  return current.status === status && current.reason === reason && current.message === message;
}
