/** The first thing that a thread says which reads maps: from here on it is in time, or held up. */
export const LOOKER_READY = "ready";
