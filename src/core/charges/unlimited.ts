/** The limit that never binds: pages. */
export const UNLIMITED: number = Number.POSITIVE_INFINITY;
