// The sequencer's tables as the native pass over appends sees them: memory that classes of src/sequencer and src/base own and lay
// out. Same numbers, same meaning on both sides; nothing is allocated or grown here. Main thread.

#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

constexpr size_t kEventIdBytes = 16;
/** Of the retry window: an entry, and its share of the buckets. */
constexpr size_t kRetryBytesPerEvent = 48;

inline bool isPowerOfTwo(size_t value) { return value > 0 && (value & (value - 1)) == 0; }

/** Key of a hash; HashSeed of src/base/name-table.ts. */
struct HashSeed {
  uint32_t low;
  uint32_t high;
};

/** HalfSipHash-1-3 as in src/base/name-table.ts, where its source is named. */
uint32_t halfSipHash(const uint8_t* bytes, uint32_t length, HashSeed seed);

/** The stream names of src/base/name-table.ts, by hash. `slots`: pairs of hash and word of the name + 1, a power of two. */
struct Names {
  const uint32_t* slots;
  size_t slotWords;
  const uint32_t* words;
  size_t wordCount;
  HashSeed seed;

  /** The number of the name, or -1. `hash`: of its bytes. */
  int64_t find(const uint8_t* name, uint32_t length, uint32_t hash) const;
};

/** The last event of a stream; src/sequencer/stream-heads.ts, which says what revisions below -1 mean. */
struct StreamHead {
  double revision;
  double position;
};

/** An answer that waits; src/sequencer/pending-replies.ts. */
struct PendingReply {
  double end;
  double revision;
  double position;
  /** Request id, and the kind of answer above 2^32: 0, an append that was written. */
  double tokenAndKind;
};

/** The event ids of src/sequencer/retry-window.ts. */
struct RetryWindow {
  double* revisions;
  double* positions;
  uint8_t* ids;
  uint32_t* streams;
  uint32_t* previous;
  uint32_t* buckets;
  /** Entries less one. */
  uint32_t mask;
  uint32_t bucketMask;
  HashSeed seed;
  /** How many were ever added. */
  uint64_t added;

  /** Over `memory`, laid out as the class has it; its `events` are a power of two. */
  RetryWindow(uint8_t* memory, size_t events, HashSeed seed, uint64_t added);
  RetryWindow() = default;
  /** Fetches what `has` and `add` will look at. */
  void prefetch(uint32_t hash) const { __builtin_prefetch(buckets + (hash & bucketMask), 1); }
  bool has(const uint8_t* id, uint32_t hash) const;
  void add(const uint8_t* id, uint32_t hash, uint32_t streamHash, uint64_t revision, uint64_t position);

 private:
  uint32_t ageOf(uint32_t link) const;
};

}  // namespace cairn
