/**
 * The times and sizes that simulated nodes run with, and how long things may take before the simulation calls it a failure. Shorter than
 * production's defaults, so that a run of some virtual seconds sees many elections; the proportions are the same.
 */
export const ELECTION_TIMEOUT_MS = 500;
export const HEARTBEAT_INTERVAL_MS = 100;
/** Some election timeouts, so that a restart comes first and a promotion second. */
export const DEAD_VOTER_TIMEOUT_MS = 2000;
export const DISK_STALL_TIMEOUT_MS = 1000;

/** Small, so that runs cross the ends of chunks: the least that the format allows. */
export const CHUNK_SIZE = 65_536;

/** Two or three events: who missed a moment catches up, and now and then dies of it. */
export const CATCH_UP_BYTES = 500;

/** When everything is well again, writes must be accepted within so long: liveness. */
export const RECOVERY_BOUND_MS = 5 * ELECTION_TIMEOUT_MS;
/** And within so long all that was damaged is replaced, and everybody has caught up. */
export const REPAIR_BOUND_MS = 6 * DEAD_VOTER_TIMEOUT_MS + 10 * ELECTION_TIMEOUT_MS;
/** The first write of a fresh cluster: all nodes meet, agree, elect. */
export const FOUNDING_BOUND_MS = 10 * ELECTION_TIMEOUT_MS;
/** And, when nothing is asked any more, everybody has everything. */
export const SETTLE_BOUND_MS = 5 * ELECTION_TIMEOUT_MS;
