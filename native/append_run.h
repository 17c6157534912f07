// Runs of plain appends: the sequencer's usual case (src/sequencer/sequencer.ts) in one pass over a message. An append is plain if
// nothing about it is special: its frame is valid, its stream exists, its expectation holds, its event ids are
// new, and its records fit where they go. The first that is not ends the run, untouched, and is the sequencer's to decide;
// so everything here has the same meaning there, and nothing is refused or changed that isn't done completely.

#pragma once

#include <cstddef>
#include <cstdint>

#include "addon.h"
#include "sequencer_tables.h"

namespace cairn {

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
