/** Persistent volumes: the server writes when their phase changed, unless who changed it says when. @module */
import { formatTime } from "#apimachinery";
import type { PersistentVolume } from "#api/core/v1/types.gen";
import { nothingBegun, type ResourceHooks } from "../resource-hooks.ts";

export function persistentVolumeHooks(nowMs: () => number): ResourceHooks {
  return {
    beginCreate: (object) =>
      Promise.resolve(nothingBegun(withTime(object as PersistentVolume, formatTime(nowMs())))),
    beginUpdate: (object, old) =>
      Promise.resolve(nothingBegun(timed(object as PersistentVolume, old as PersistentVolume, nowMs))),
  };
}

function timed(pv: PersistentVolume, old: PersistentVolume, nowMs: () => number): PersistentVolume {
  const [time, oldTime] = [pv.status?.lastPhaseTransitionTime, old.status?.lastPhaseTransitionTime];
  if (pv.status?.phase === old.status?.phase)
    return time === undefined && oldTime !== undefined ? withTime(pv, oldTime) : pv;
  return time === undefined || time === oldTime ? withTime(pv, formatTime(nowMs())) : pv;
}

function withTime(pv: PersistentVolume, lastPhaseTransitionTime: string): PersistentVolume {
  return { ...pv, status: { ...pv.status, lastPhaseTransitionTime } };
}
