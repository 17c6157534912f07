// Runs of plain appends: the sequencer's usual case (src/sequencer/sequencer.ts) in one pass over a message. An append is plain if
// nothing about it is special: its frame is valid, its stream exists, its expectation holds, its event ids are
// new, and its records fit where they go. The first that is not ends the run, untouched, and is the sequencer's to decide;
// so everything here has the same meaning there, and nothing is refused or changed that isn't done completely.

#pragma once

#include <cstddef>
#include <cstdint>

#include "addon.h"

namespace cairn {

/** Key of a hash; HashSeed of src/base/name-table.ts. */
struct HashSeed {
  uint32_t low;
  uint32_t high;
};

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

/** The last event of a stream; src/sequencer/stream-heads.ts. */
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
  void add(const uint8_t* id, uint32_t hash, uint32_t stream, uint64_t revision, uint64_t position);

 private:
  uint32_t ageOf(uint32_t link) const;
};

/** What an append may cost; AppendLimits of src/sequencer/sequencer.ts. */
struct AppendLimits {
  uint64_t appendBytes;
  uint64_t eventBytes;
  uint64_t transactionBytes;
};

/** Where records go, and what they all have in common. */
struct LogEnd {
  /** The ring's byte where the next record stands. */
  uint8_t* target;
  /** Its position in the log. */
  uint64_t position;
  /** Bytes that may be framed: up to the end of the ring, of the chunk, of what is free or prepared. */
  uint64_t room;
  uint64_t timestampUs;
  uint32_t epoch;
};

/** Why a run ended; RUN_END of src/base/ports.ts. */
enum RunEnd : int32_t {
  /** All appends of the message are taken, or as many as were allowed. */
  kAllTaken = 0,
  /** The next one is not plain. */
  kNotPlain = 1,
  /** So much is framed that it should be published. */
  kPublish = 2
};

struct AppendRun {
  Range message;
  /** Where the next frame of the message starts. */
  size_t at;
  Names names;
  StreamHead* heads;
  size_t headCount;
  RetryWindow retries;
  PendingReply* replies;
  uint64_t replyMask;
  /** The number of the next entry. */
  uint64_t replyTail;
  AppendLimits limits;
  LogEnd log;
  uint64_t appendsLeft;
  /** End the run when so many bytes are framed. */
  uint64_t publishBytes;
  uint64_t records = 0;

  RunEnd take();
};

}  // namespace cairn
