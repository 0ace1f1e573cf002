/** Marks the routes that are ours: `ip route show proto 88`. @module */

export const PROTO = 88;
