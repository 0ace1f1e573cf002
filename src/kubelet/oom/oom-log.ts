/** Finds the machine's own OOM kills in lines of the kernel's log. Pure. @module */

export interface OomVictim {
  readonly name: string;
  readonly pid: number;
}

/** `oom-kill:constraint=CONSTRAINT_NONE,…,task_memcg=/…,task=stress,pid=17,uid=0`. */
const KILL = /oom-kill:constraint=(\w+),.*,task=([^,]+),pid=(\d+),/u;
const WHOLE_MACHINE = "CONSTRAINT_NONE";
/** Of a message in /dev/kmsg, microseconds since the machine was started: `6,1234,5678901,-;text`. */
const TIME = /^\d+,\d+,(\d+),/u;

export class OomReader {
  readonly #sinceUs: number;

  /** Messages from before are not told. */
  constructor(sinceUs = 0) {
    this.#sinceUs = sinceUs;
  }

  /** The process that was killed for want of memory on the machine; undefined for every other line. */
  read(line: string): OomVictim | undefined {
    const atUs = TIME.exec(line)?.[1];
    if (atUs !== undefined && Number(atUs) < this.#sinceUs) return undefined;
    const [, constraint, name = "", pid = ""] = KILL.exec(line) ?? [];
    // A container's limit is told by its status.
    return constraint === WHOLE_MACHINE ? { name, pid: Number(pid) } : undefined;
  }
}
