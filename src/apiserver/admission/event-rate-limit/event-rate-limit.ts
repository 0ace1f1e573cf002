/** Option: nobody floods the store with Events; each limit is a token bucket for each of its keys. @module */
import { StatusError, TokenBucket, type Clock, type KubeObject } from "#apimachinery";
import { TtlCache } from "#component-base";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import type { EventLimit } from "./configuration.ts";

const CACHE_SIZE_DEFAULT = 4096;

export function eventRateLimit(limits: readonly EventLimit[], clock: Clock): AdmissionPlugin {
  const enforcers = limits.map((limit) => newEnforcer(limit, clock));
  return {
    name: "EventRateLimit",
    operations: ["CREATE", "UPDATE"],
    resources: ["core/events", "events.k8s.io/events"],
    validate(attributes) {
      if (attributes.dryRun) return;
      const reached = enforcers.flatMap((enforce) => enforce(attributes));
      const [first] = reached;
      if (first === undefined) return;
      const message = reached.length === 1 ? first : `[${reached.join(", ")}]`;
      throw new StatusError("TooManyRequests", message);
    },
  };
}

function newEnforcer(
  { type, qps, burst, cacheSize }: EventLimit,
  clock: Clock,
): (attributes: Attributes) => readonly string[] {
  const sizeMax = type === "Server" ? 1 : cacheSize === 0 ? CACHE_SIZE_DEFAULT : cacheSize;
  const buckets = new TtlCache<TokenBucket>(() => clock.now(), sizeMax);
  const rate = { perSecond: qps, burst };
  return (attributes) => {
    const key = keyOf(type, attributes);
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = new TokenBucket(clock, rate)), Infinity);
    return bucket.allow() ? [] : [`limit reached on type ${type} for key ${key}`];
  };
}

function keyOf(type: string, { namespace, user, object }: Attributes): string {
  switch (type) {
    case "Namespace":
      return namespace;
    case "User":
      return user.name;
    case "SourceAndObject":
      return sourceAndObject(object!);
    default:
      return "";
  }
}

interface Source {
  readonly component?: string;
  readonly host?: string;
}

interface Reference {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly apiVersion?: string;
}

/** The fields of both groups' Events. */
type AnyEvent = KubeObject & {
  readonly source?: Source;
  readonly deprecatedSource?: Source;
  readonly involvedObject?: Reference;
  readonly regarding?: Reference;
};

function sourceAndObject(object: KubeObject): string {
  const event = object as AnyEvent;
  const { component = "", host = "" } = event.source ?? event.deprecatedSource ?? {};
  const about = event.involvedObject ?? event.regarding ?? {};
  const { kind = "", namespace = "", name = "", uid = "", apiVersion = "" } = about;
  return [component, host, kind, namespace, name, uid, apiVersion].join("");
}
