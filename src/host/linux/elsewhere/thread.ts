/** The program of a thread that does {@link JOBS}. */
import { JOBS } from "./jobs.ts";
import { serveJobs } from "./serve-jobs.ts";

serveJobs(JOBS);
