/** What the kernel is told about connections that it tracks: upstream's `conntrack` section. @module */
import type { ConntrackConfiguration } from "./fields.ts";
import { parseDuration } from "#apimachinery";

/** Upstream's, against the memory of machines with many processors. */
const ENTRIES_MAX = 1_048_576;
const MIN_DEFAULT = 131_072;
const MS_PER_SECOND = 1_000;

/** Names and values. What the section does not say, or says as 0, is left as the machine has it. */
export function conntrackSysctls(
  config: ConntrackConfiguration,
  cpus: number,
): readonly (readonly [name: string, value: string])[] {
  const { maxPerCore = 0, min = MIN_DEFAULT, tcpBeLiberal = false } = config;
  const entries = maxPerCore === 0 ? 0 : entriesOf(maxPerCore * cpus, min);
  const wanted: readonly (readonly [string, number])[] = [
    ["max", entries],
    ["tcp_timeout_established", secondsOf(config.tcpEstablishedTimeout)],
    ["tcp_timeout_close_wait", secondsOf(config.tcpCloseWaitTimeout)],
    ["tcp_be_liberal", tcpBeLiberal ? 1 : 0],
    ["udp_timeout", secondsOf(config.udpTimeout)],
    ["udp_timeout_stream", secondsOf(config.udpStreamTimeout)],
  ];
  return wanted
    .filter(([, value]) => value > 0)
    .map(([name, value]) => [`net.netfilter.nf_conntrack_${name}`, String(value)]);
}

function entriesOf(scaled: number, min: number): number {
  return scaled > ENTRIES_MAX ? ENTRIES_MAX : Math.max(scaled, min);
}

function secondsOf(duration: string | undefined): number {
  return duration === undefined ? 0 : Math.floor(parseDuration(duration) / MS_PER_SECOND);
}
