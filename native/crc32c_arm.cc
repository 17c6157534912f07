// CRC-32C on 64-bit Arm, with the crc32c instructions that ARMv8.0 made optional and ARMv8.1 requires: three lanes for
// long inputs, as on x86 (see crc32c_x86.cc), because there too an instruction takes longer than the next needs to start.

#include "crc32c.h"

#if defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

#include "crc32c_polynomial.h"
#include "record.h"

#if !defined(HWCAP_CRC32)
#define HWCAP_CRC32 (1 << 7)
#endif

// The same thing, as each compiler spells it.
#if defined(__clang__)
#define CAIRN_ARM __attribute__((target("crc")))
#else
#define CAIRN_ARM __attribute__((target("+crc")))
#endif

namespace cairn {
namespace arm {

// In assembler, because arm_acle.h of older compilers declares the intrinsics only if the whole file is built for them.
CAIRN_ARM inline uint32_t byte(uint32_t state, uint8_t data) {
  __asm__("crc32cb %w0, %w0, %w1" : "+r"(state) : "r"(static_cast<uint32_t>(data)));
  return state;
}

CAIRN_ARM inline uint32_t half(uint32_t state, uint32_t data) {
  __asm__("crc32cw %w0, %w0, %w1" : "+r"(state) : "r"(data));
  return state;
}

CAIRN_ARM inline uint32_t word(uint32_t state, uint64_t data) {
  __asm__("crc32cx %w0, %w0, %x1" : "+r"(state) : "r"(data));
  return state;
}

template <size_t kWords>
CAIRN_ARM inline uint32_t threeLanes(uint32_t state, const uint8_t* bytes) {
  constexpr size_t kLane = 8 * kWords;
  uint32_t second = 0;
  uint32_t third = 0;
  for (size_t at = 0; at < kLane; at += 8) {
    state = word(state, load<uint64_t>(bytes + at));
    second = word(second, load<uint64_t>(bytes + at + kLane));
    third = word(third, load<uint64_t>(bytes + at + 2 * kLane));
  }
  return skipZeros<kLane>(skipZeros<kLane>(state) ^ second) ^ third;
}

// The lane's length makes the cost of joining vanish; what is shorter than three of them goes one word at a time.
constexpr size_t kLane = 128;

CAIRN_ARM inline uint32_t words(uint32_t state, const uint8_t* bytes, size_t count) {
  for (; count >= 3 * kLane; count -= 3 * kLane, bytes += 24 * kLane) state = threeLanes<kLane>(state, bytes);
  for (; count > 0; count--, bytes += 8) state = word(state, load<uint64_t>(bytes));
  return state;
}

#define CAIRN_TARGET CAIRN_ARM
#include "record_loops.h"
#undef CAIRN_TARGET

}  // namespace arm

const Implementation* armImplementation() {
  static const Implementation implementation{"arm", arm::crc32c, arm::seal, arm::verify};
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0 ? &implementation : nullptr;
}

}  // namespace cairn

#else

namespace cairn {
const Implementation* armImplementation() { return nullptr; }
}  // namespace cairn

#endif
