// CRC-32C by tables, eight bytes a step ("slicing-by-8": Kounavis and Berry, A Systematic Approach to Building High
// Performance Software-based CRC Generators, 2005). Runs everywhere, and is what the others are compared with.

#include "crc32c.h"
#include "crc32c_polynomial.h"
#include "record.h"

namespace cairn {
namespace table {

using Slices = std::array<std::array<uint32_t, 256>, 8>;

constexpr Slices slices() {
  Slices tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t state = byte;
    for (int bit = 0; bit < 8; bit++) state = timesX(state);
    tables[0][byte] = state;
  }
  for (int slice = 1; slice < 8; slice++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      const uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Slices kSlices = slices();

inline uint32_t byte(uint32_t state, uint8_t data) { return (state >> 8) ^ kSlices[0][(state ^ data) & 0xff]; }

inline uint32_t half(uint32_t state, uint32_t data) {
  const uint32_t mixed = state ^ data;
  return kSlices[3][mixed & 0xff] ^ kSlices[2][(mixed >> 8) & 0xff] ^ kSlices[1][(mixed >> 16) & 0xff] ^
         kSlices[0][mixed >> 24];
}

inline uint32_t word(uint32_t state, uint64_t data) {
  const uint32_t low = state ^ static_cast<uint32_t>(data);
  const uint32_t high = static_cast<uint32_t>(data >> 32);
  return kSlices[7][low & 0xff] ^ kSlices[6][(low >> 8) & 0xff] ^ kSlices[5][(low >> 16) & 0xff] ^
         kSlices[4][low >> 24] ^ kSlices[3][high & 0xff] ^ kSlices[2][(high >> 8) & 0xff] ^
         kSlices[1][(high >> 16) & 0xff] ^ kSlices[0][high >> 24];
}

inline uint32_t words(uint32_t state, const uint8_t* bytes, size_t count) {
  for (; count > 0; count--, bytes += 8) state = word(state, load<uint64_t>(bytes));
  return state;
}

#define CAIRN_TARGET
#include "record_loops.h"
#undef CAIRN_TARGET

}  // namespace table

const Implementation* tableImplementation() {
  static const Implementation implementation{"table", table::crc32c, table::seal, table::verify};
  return &implementation;
}

}  // namespace cairn
