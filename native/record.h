// The fixed places of a record's header, and what its fields may be: docs/formats.md, "Record".

#pragma once

#include "crc32c.h"

namespace cairn {

constexpr size_t kLengthAt = 4;
constexpr size_t kPositionAt = 8;
constexpr size_t kEpochAt = 24;
constexpr size_t kChainAt = 28;  // followed by previousLength at 32: the two are written and compared as one word
constexpr size_t kBodyCrcAt = 36;
constexpr size_t kTypeAt = 40;
constexpr size_t kVersionAt = 41;
constexpr size_t kHeaderBytes = 44;
constexpr size_t kRecordBytesMin = 48;  // a header alone, padded
constexpr uint32_t kRecordLengthMax = 33554432;
constexpr uint8_t kTypeMax = 7;
constexpr uint8_t kTypeRemoved = 7;
constexpr size_t kOriginalCrcAt = 44;
constexpr uint8_t kVersion = 1;

inline bool isLength(uint32_t length) { return length >= kHeaderBytes && length <= kRecordLengthMax; }
inline bool isKnown(uint8_t type, uint8_t version) { return type >= 1 && type <= kTypeMax && version == kVersion; }

/** A record's length, padded to a multiple of 8. */
inline uint64_t occupiedBy(uint32_t length) { return (static_cast<uint64_t>(length) + 7) & ~uint64_t{7}; }

/** What the next record's chain must be: a Removed record passes on the checksum of the one that it stands for. */
inline uint32_t chainBehind(const uint8_t* record, uint32_t crc) {
  return record[kTypeAt] == kTypeRemoved ? load<uint32_t>(record + kOriginalCrcAt) : crc;
}

/** What chain and previousLength of the next record must be, as one word. */
inline uint64_t linkOf(const ChainState& state) {
  return state.chain | static_cast<uint64_t>(state.previousLength) << 32;
}

}  // namespace cairn
