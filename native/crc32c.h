// CRC-32C (Castagnoli; reflected polynomial 0x82f63b78; as in iSCSI, RFC 3720) and the loops over records built on it.
// There are several implementations of one interface; each says whether this processor can run it. A whole loop is
// chosen at once, so that a record of a few hundred bytes pays for no dispatch.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats are little-endian; elsewhere the plain-JS path runs");

namespace cairn {

/** Where a run of records goes on; ChainState of src/base/ports.ts. */
struct ChainState {
  uint64_t position;
  uint32_t chain;
  uint32_t previousLength;
  uint32_t epoch;
};

/** Why a verification stopped; VERIFY_STOP of src/base/ports.ts. */
enum VerifyStop : int32_t { kEnd = 0, kPartial = 1, kBadHeader = 2, kBadPosition = 3, kBadChain = 4, kBadBody = 5 };

/** What seal returns if what it was given are no whole records, each in its place: a bug of the caller. */
constexpr int64_t kNotRecords = -1;

struct Implementation {
  const char* name;
  /** The CRC of the bytes, continuing from `seed`, which is the CRC of what came before (0 to start). */
  uint32_t (*crc32c)(uint32_t seed, const uint8_t* bytes, size_t length);
  /** Fills in chain, previousLength, bodyCrc and crc of every record. Returns their number, or kNotRecords. */
  int64_t (*seal)(uint8_t* bytes, size_t length, ChainState& state);
  /** Checks record after record and advances `state` over the valid ones. */
  VerifyStop (*verify)(const uint8_t* bytes, size_t length, ChainState& state);
};

// Each returns null where the processor, or the compiler's target, lacks what it needs. `table` never does.
const Implementation* tableImplementation();
const Implementation* sse42Implementation();
const Implementation* wideImplementation();
const Implementation* armImplementation();

/** All that run here, the fastest first. */
struct Implementations {
  const Implementation* list[4];
  size_t count;
};
const Implementations& implementations();

template <typename Integer>
inline Integer load(const uint8_t* from) {
  Integer value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename Integer>
inline void store(uint8_t* to, Integer value) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace cairn
