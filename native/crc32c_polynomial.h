// Arithmetic with polynomials over GF(2) modulo CRC-32C's, at compile time: the constants of all the fast paths are
// computed here rather than copied from somewhere. Bits are reflected: bit 31 is the coefficient of x^0.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cairn {

constexpr uint32_t kPolynomial = 0x82f63b78;

/** value · x. */
constexpr uint32_t timesX(uint32_t value) { return (value >> 1) ^ ((value & 1) ? kPolynomial : 0); }

/** a · b. */
constexpr uint32_t product(uint32_t a, uint32_t b) {
  uint32_t sum = 0;
  for (int bit = 31; bit >= 0; bit--) {
    if ((a >> bit) & 1) sum ^= b;
    b = timesX(b);
  }
  return sum;
}

/** x^exponent. */
constexpr uint32_t powerOfX(uint64_t exponent) {
  uint32_t result = 0x80000000;  // x^0
  uint32_t square = 0x40000000;  // x^1
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = product(result, square);
    square = product(square, square);
  }
  return result;
}

/** Four tables that multiply a CRC state by a fixed power of x: one lookup for each of its bytes. */
using Multiplier = std::array<std::array<uint32_t, 256>, 4>;

constexpr Multiplier multiplierBy(uint32_t factor) {
  Multiplier tables{};
  for (uint32_t place = 0; place < 4; place++) {
    for (uint32_t byte = 1; byte < 256; byte++) {
      const uint32_t lowest = byte & (~byte + 1);
      tables[place][byte] = byte == lowest ? product(byte << (8 * place), factor)
                                           : tables[place][byte ^ lowest] ^ tables[place][lowest];
    }
  }
  return tables;
}

/** What advances a CRC state over `kBytes` zero bytes: a multiplication by x^(8 · kBytes). 4 KiB each. */
template <size_t kBytes>
inline constexpr Multiplier kSkip = multiplierBy(powerOfX(8 * kBytes));

template <size_t kBytes>
inline uint32_t skipZeros(uint32_t state) {
  const Multiplier& tables = kSkip<kBytes>;
  return tables[0][state & 0xff] ^ tables[1][(state >> 8) & 0xff] ^ tables[2][(state >> 16) & 0xff] ^
         tables[3][state >> 24];
}

}  // namespace cairn
