// CRC-32C on x86-64. `sse42` uses the crc32 instruction: eight bytes a step, and for long inputs three independent lanes,
// because the instruction takes three cycles but starts every cycle. `wide` folds 256 bytes a step with carry-less
// multiplication over 512-bit registers, and leaves what is short to the instruction.
//
// Sources: V. Gopal et al., Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction, Intel 2011 (lanes);
// V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction, Intel 2009 (folding).

#include "crc32c.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "crc32c_polynomial.h"
#include "record.h"

#define CAIRN_SSE42 __attribute__((target("sse4.2")))
#define CAIRN_WIDE __attribute__((target("sse4.2,pclmul,avx512f,avx512bw,avx512vl,vpclmulqdq")))

namespace cairn {
namespace {

CAIRN_SSE42 inline uint32_t byte(uint32_t state, uint8_t data) { return _mm_crc32_u8(state, data); }
CAIRN_SSE42 inline uint32_t half(uint32_t state, uint32_t data) { return _mm_crc32_u32(state, data); }
CAIRN_SSE42 inline uint32_t word(uint32_t state, uint64_t data) {
  return static_cast<uint32_t>(_mm_crc32_u64(state, data));
}

CAIRN_SSE42 inline uint32_t oneLane(uint32_t state, const uint8_t* bytes, size_t count) {
  for (; count >= 4; count -= 4, bytes += 32) {
    state = word(state, load<uint64_t>(bytes));
    state = word(state, load<uint64_t>(bytes + 8));
    state = word(state, load<uint64_t>(bytes + 16));
    state = word(state, load<uint64_t>(bytes + 24));
  }
  for (; count > 0; count--, bytes += 8) state = word(state, load<uint64_t>(bytes));
  return state;
}

/** Three lanes of `kWords` words each: the first goes on from `state`, the others from 0, and their states are joined. */
template <size_t kWords>
CAIRN_SSE42 inline uint32_t threeLanes(uint32_t state, const uint8_t* bytes) {
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

namespace sse42 {

// Joining costs about as much as 30 words. 512 words make that cost vanish; 32 words are where lanes begin to pay.
constexpr size_t kLongLane = 512;
constexpr size_t kShortLane = 32;

CAIRN_SSE42 inline uint32_t words(uint32_t state, const uint8_t* bytes, size_t count) {
  for (; count >= 3 * kLongLane; count -= 3 * kLongLane, bytes += 24 * kLongLane) {
    state = threeLanes<kLongLane>(state, bytes);
  }
  for (; count >= 3 * kShortLane; count -= 3 * kShortLane, bytes += 24 * kShortLane) {
    state = threeLanes<kShortLane>(state, bytes);
  }
  return oneLane(state, bytes, count);
}

#define CAIRN_TARGET CAIRN_SSE42
#include "record_loops.h"
#undef CAIRN_TARGET

}  // namespace sse42

namespace wide {

// A register of four 128-bit blocks, moved `kBytes` forward in the message, is each block's first half times
// x^(8 kBytes + 64) plus its second half times x^(8 kBytes). A product of reflected operands comes out one place short,
// and the constant sits in the low half of its 64 bits: 33 places to make up for.
template <size_t kBytes>
struct Fold {
  static constexpr int64_t kFirst = powerOfX(8 * kBytes + 64 - 33);
  static constexpr int64_t kSecond = powerOfX(8 * kBytes - 33);
  CAIRN_WIDE static __m512i constants() { return _mm512_set4_epi64(kSecond, kFirst, kSecond, kFirst); }
};

/** `block` moved forward by the distance of `constants`, plus what stands there. */
CAIRN_WIDE inline __m512i fold(__m512i block, __m512i constants, __m512i ahead) {
  const __m512i first = _mm512_clmulepi64_epi128(block, constants, 0x00);
  const __m512i second = _mm512_clmulepi64_epi128(block, constants, 0x11);
  return _mm512_ternarylogic_epi64(first, second, ahead, 0x96);  // exclusive or of three
}

CAIRN_WIDE inline __m128i fold(__m128i block, __m128i constants, __m128i ahead) {
  const __m128i first = _mm_clmulepi64_si128(block, constants, 0x00);
  const __m128i second = _mm_clmulepi64_si128(block, constants, 0x11);
  return _mm_ternarylogic_epi64(first, second, ahead, 0x96);
}

CAIRN_WIDE inline __m512i loadBlock(const uint8_t* bytes) { return _mm512_loadu_si512(bytes); }

/** The state after the 64 bytes in `block`: folds its four quarters into one, and the instruction reduces that. */
CAIRN_WIDE inline uint32_t reduce(__m512i block) {
  const __m128i constants = _mm_set_epi64x(Fold<16>::kSecond, Fold<16>::kFirst);
  alignas(64) __m128i quarters[4];
  _mm512_store_si512(quarters, block);
  __m128i sum = quarters[0];
  for (int quarter = 1; quarter < 4; quarter++) sum = fold(sum, constants, quarters[quarter]);
  const uint32_t state = word(0, static_cast<uint64_t>(_mm_cvtsi128_si64(sum)));
  return word(state, static_cast<uint64_t>(_mm_extract_epi64(sum, 1)));
}

/** `blocks`, at least 4, of 64 bytes each. Not inlined: it is the only code that touches the wide registers. */
CAIRN_WIDE __attribute__((noinline)) uint32_t foldBlocks(uint32_t state, const uint8_t* bytes, size_t blocks) {
  const __m512i start = _mm512_castsi128_si512(_mm_cvtsi32_si128(static_cast<int32_t>(state)));
  const __m512i initial = _mm512_maskz_mov_epi32(1, start);
  __m512i a = _mm512_xor_si512(loadBlock(bytes), initial);
  __m512i b = loadBlock(bytes + 64);
  __m512i c = loadBlock(bytes + 128);
  __m512i d = loadBlock(bytes + 192);
  const __m512i four = Fold<256>::constants();
  for (blocks -= 4, bytes += 256; blocks >= 4; blocks -= 4, bytes += 256) {
    a = fold(a, four, loadBlock(bytes));
    b = fold(b, four, loadBlock(bytes + 64));
    c = fold(c, four, loadBlock(bytes + 128));
    d = fold(d, four, loadBlock(bytes + 192));
  }
  const __m512i one = Fold<64>::constants();
  __m512i sum = fold(fold(fold(a, one, b), one, c), one, d);
  for (; blocks > 0; blocks--, bytes += 64) sum = fold(sum, one, loadBlock(bytes));
  return reduce(sum);
}

// Below this the instruction alone is as fast, and the fold needs four blocks to start with.
constexpr size_t kFoldWordsMin = 32;

CAIRN_SSE42 inline uint32_t words(uint32_t state, const uint8_t* bytes, size_t count) {
  if (count >= kFoldWordsMin) {
    state = foldBlocks(state, bytes, count / 8);
    bytes += count / 8 * 64;
    count %= 8;
  }
  return oneLane(state, bytes, count);
}

#define CAIRN_TARGET CAIRN_SSE42
#include "record_loops.h"
#undef CAIRN_TARGET

}  // namespace wide

/** What the processor has and the operating system saves on a thread switch. */
struct Features {
  bool sse42 = false;
  bool wide = false;
};

/** Extended control register 0: which register files the operating system saves. Spelled out to need no target. */
uint64_t savedRegisters() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

Features detect() {
  Features features;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return features;
  features.sse42 = (c & bit_SSE4_2) != 0;
  const bool clmul = (c & bit_PCLMUL) != 0;
  const bool savesExtended = (c & bit_OSXSAVE) != 0;
  // Bits 1, 2 and 5 to 7: SSE, AVX, and the masks and upper halves that came with AVX-512.
  constexpr uint64_t kAvx512State = 0xe6;
  if (!features.sse42 || !clmul || !savesExtended || (savedRegisters() & kAvx512State) != kAvx512State) return features;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return features;
  constexpr uint32_t kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
  features.wide = (b & kAvx512) == kAvx512 && (c & bit_VPCLMULQDQ) != 0;
  return features;
}

}  // namespace

const Implementation* sse42Implementation() {
  static const Implementation implementation{"sse42", sse42::crc32c, sse42::seal, sse42::verify};
  return detect().sse42 ? &implementation : nullptr;
}

const Implementation* wideImplementation() {
  static const Implementation implementation{"wide", wide::crc32c, wide::seal, wide::verify};
  return detect().wide ? &implementation : nullptr;
}

}  // namespace cairn

#else

namespace cairn {
const Implementation* sse42Implementation() { return nullptr; }
const Implementation* wideImplementation() { return nullptr; }
}  // namespace cairn

#endif
