// Fills the retry window (src/sequencer/retry-window.ts) with what a leader starts from: a million events take a third of a second one by one.

#include <algorithm>

#include "addon.h"
#include "sequencer_tables.h"

namespace cairn {
namespace {

/** Events whose buckets are fetched together: enough misses to wait for at once. */
constexpr size_t kTogether = 64;

struct Events {
  const uint8_t* ids;
  const uint32_t* streams;
  const double* revisions;
  const double* positions;
  size_t count;
};

void addAll(RetryWindow& window, const Events& events) {
  uint32_t hashes[kTogether];
  for (size_t from = 0; from < events.count; from += kTogether) {
    const size_t count = std::min(kTogether, events.count - from);
    for (size_t i = 0; i < count; i++) {
      hashes[i] = halfSipHash(events.ids + kEventIdBytes * (from + i), kEventIdBytes, window.seed);
      window.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < count; i++) {
      const size_t event = from + i;
      window.add(events.ids + kEventIdBytes * event, hashes[i], events.streams[event],
                 static_cast<uint64_t>(events.revisions[event]), static_cast<uint64_t>(events.positions[event]));
    }
  }
}

constexpr int kBadArguments = -2;

/** rememberAll(memory, seedLow, seedHigh, added, ids, streams, revisions, positions): how many were ever added then. */
Napi::Value rememberAll(const Napi::CallbackInfo& info) {
  const auto answer = [&](double value) { return Napi::Number::New(info.Env(), value); };
  Range memory;
  Events events{};
  uint32_t* ids = nullptr;
  uint32_t* streams = nullptr;
  double* revisions = nullptr;
  double* positions = nullptr;
  size_t idWords = 0, revisionCount = 0, positionCount = 0;
  const bool isRead = wholeAt(info, 0, memory) && arrayAt(info, 4, napi_uint32_array, ids, idWords) &&
                      arrayAt(info, 5, napi_uint32_array, streams, events.count) &&
                      arrayAt(info, 6, napi_float64_array, revisions, revisionCount) &&
                      arrayAt(info, 7, napi_float64_array, positions, positionCount);
  const size_t size = memory.length / kRetryBytesPerEvent;
  const int64_t added = integerAt(info, 3);
  const bool fits = isRead && isPowerOfTwo(size) && added >= 0 && idWords * sizeof(uint32_t) == kEventIdBytes * events.count &&
                    revisionCount == events.count && positionCount == events.count;
  if (!fits) return answer(kBadArguments);
  events.ids = reinterpret_cast<const uint8_t*>(ids);
  events.streams = streams;
  events.revisions = revisions;
  events.positions = positions;
  const HashSeed seed{static_cast<uint32_t>(integerAt(info, 1)), static_cast<uint32_t>(integerAt(info, 2))};
  RetryWindow window(memory.data, size, seed, static_cast<uint64_t>(added));
  addAll(window, events);
  return answer(static_cast<double>(window.added));
}

}  // namespace

void exportRememberAll(Napi::Env env, Napi::Object exports) {
  exports.Set("rememberAll", Napi::Function::New<rememberAll>(env, "rememberAll"));
}

}  // namespace cairn
