/** The memory that a long list is copied through: two buffers in turn, so that 40 MB of list make 0.6 MB of garbage. @module */

/** Gives a buffer of at least `size` bytes, whose content the caller fills. */
export type SliceBuffers = (size: number) => Uint8Array;

/** A buffer given out is given out again two slices later: by then the consumer must be done with it. */
export function alternatingBuffers(capacity: number): SliceBuffers {
  const buffers: (Uint8Array | undefined)[] = [undefined, undefined];
  let turn = 0;
  return (size) => {
    // Short lists, and the end of long ones, are not worth a whole buffer.
    if (size > capacity || size < capacity / 2) return Buffer.allocUnsafeSlow(size);
    turn = 1 - turn;
    return (buffers[turn] ??= Buffer.allocUnsafeSlow(capacity));
  };
}

/** For consumers that keep what they get. */
export const freshBuffers: SliceBuffers = (size) => Buffer.allocUnsafeSlow(size);
