// See sequencer_tables.h, and the classes that it names for how these tables work.

#include "sequencer_tables.h"

#include <cstring>

#include "crc32c.h"

namespace cairn {
namespace {

constexpr int kSequenceBits = 24;
constexpr uint32_t kSequenceMask = (1u << kSequenceBits) - 1;

/** One of the eight bits above a sequence number, by bits of the hash that don't choose the bucket. */
uint32_t filterBit(uint32_t hash) { return 1u << (kSequenceBits + (hash >> 29)); }

}  // namespace

uint32_t halfSipHash(const uint8_t* bytes, uint32_t length, HashSeed seed) {
  uint32_t v0 = seed.low, v1 = seed.high, v2 = v0 ^ 0x6c796765, v3 = v1 ^ 0x74656462;
  const auto rotated = [](uint32_t value, int by) { return value << by | value >> (32 - by); };
  const auto mix = [&](uint32_t message) {
    v3 ^= message;
    v0 += v1;
    v1 = rotated(v1, 5) ^ v0;
    v0 = rotated(v0, 16);
    v2 += v3;
    v3 = rotated(v3, 8) ^ v2;
    v0 += v3;
    v3 = rotated(v3, 7) ^ v0;
    v2 += v1;
    v1 = rotated(v1, 13) ^ v2;
    v2 = rotated(v2, 16);
    v0 ^= message;
  };
  const uint8_t* const end = bytes + (length & ~3u);
  for (; bytes < end; bytes += 4) mix(load<uint32_t>(bytes));
  uint32_t last = length << 24;
  for (uint32_t i = 0; i < (length & 3); i++) last |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  mix(last);
  v2 ^= 0xff;
  for (int round = 0; round < 3; round++) mix(0);
  return v1 ^ v3;
}

int64_t Names::find(const uint8_t* name, uint32_t length, uint32_t hash) const {
  const size_t mask = slotWords - 1;
  for (size_t slot = (size_t{hash} << 1) & mask;; slot = (slot + 2) & mask) {
    const uint32_t entry = slots[slot + 1];
    if (entry == 0) return -1;
    if (slots[slot] != hash || entry + 1 + ((length + 3) >> 2) > wordCount) continue;
    const uint32_t* const words_ = words + (entry - 1);
    if (words_[1] == length && std::memcmp(words_ + 2, name, length) == 0) return words_[0];
  }
}

RetryWindow::RetryWindow(uint8_t* memory, size_t events, HashSeed seed, uint64_t added)
    : revisions(reinterpret_cast<double*>(memory)),
      positions(reinterpret_cast<double*>(memory + 8 * events)),
      ids(memory + 16 * events),
      streams(reinterpret_cast<uint32_t*>(memory + 32 * events)),
      previous(reinterpret_cast<uint32_t*>(memory + 36 * events)),
      buckets(reinterpret_cast<uint32_t*>(memory + 40 * events)),
      mask(static_cast<uint32_t>(events - 1)),
      bucketMask(static_cast<uint32_t>(2 * events - 1)),
      seed(seed),
      added(added) {}

uint32_t RetryWindow::ageOf(uint32_t link) const { return (static_cast<uint32_t>(added) - link) & kSequenceMask; }

bool RetryWindow::has(const uint8_t* id, uint32_t hash) const {
  uint32_t link = buckets[hash & bucketMask];
  if ((link & filterBit(hash)) == 0) return false;
  // A chain ends where it leads to an entry that was overwritten; see the class for why ages must grow.
  uint32_t newer = 0;
  for (uint32_t age = ageOf(link); link != 0 && age > newer; newer = age, age = ageOf(link)) {
    if (age > mask + 1) return false;
    const uint32_t slot = link & mask;
    if (std::memcmp(ids + kEventIdBytes * slot, id, kEventIdBytes) == 0) return true;
    link = previous[slot];
  }
  return false;
}

void RetryWindow::add(const uint8_t* id, uint32_t hash, uint32_t streamHash, uint64_t revision, uint64_t position) {
  const uint32_t slot = static_cast<uint32_t>(added) & mask;
  std::memcpy(ids + kEventIdBytes * slot, id, kEventIdBytes);
  streams[slot] = streamHash;
  revisions[slot] = static_cast<double>(revision);
  positions[slot] = static_cast<double>(position);
  uint32_t& bucket = buckets[hash & bucketMask];
  const bool isAlive = bucket != 0 && ageOf(bucket) <= mask + 1;
  previous[slot] = bucket;
  bucket = (isAlive ? bucket & ~kSequenceMask : 0) | filterBit(hash) | (static_cast<uint32_t>(added) & kSequenceMask);
  added++;
}

}  // namespace cairn
