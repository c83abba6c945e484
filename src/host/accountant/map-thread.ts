/** The program of a thread that does {@link MAP_JOBS}. */
import { setPriority } from "node:os";
import { serveJobs } from "../linux/elsewhere/serve-jobs.ts";
import { MAP_JOBS } from "./map-jobs.ts";

/** As nice(1): of this thread alone. Who serves, or answers trapped calls, comes first. */
const NICENESS = 15;

setPriority(0, NICENESS);
serveJobs(MAP_JOBS);
