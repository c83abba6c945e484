/** The program of a thread that does {@link MAP_JOBS}. */
import { setPriority } from "node:os";
import { serveJobs } from "../linux/elsewhere/serve-jobs.ts";
import { MAP_JOBS } from "./map-jobs.ts";

/** The nice value of this thread: threads that serve requests or answer trapped calls come first. */
const NICENESS = 15;

setPriority(0, NICENESS);
serveJobs(MAP_JOBS);
