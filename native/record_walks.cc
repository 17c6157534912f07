// Walks over records that were verified or sealed: what of them a thread has to know, without touching each from JavaScript. Pure; src/log/record-walks.ts
// is the same in TypeScript, and says what is found.

#include <algorithm>
#include <cstring>

#include "addon.h"
#include "record.h"

namespace cairn {
namespace {

constexpr int kBadArguments = -2;

constexpr size_t kFlagsAt = 42;
constexpr size_t kCommittedAt = 48;
constexpr size_t kStreamBytesAt = 72;
constexpr size_t kStreamAt = 80;
constexpr uint8_t kPrepare = 1, kCommit = 2, kEpoch = 3, kMembership = 4;
constexpr uint16_t kLastOfTransaction = 2;
constexpr int kOriginalTypeShift = 8;

/** The places of what comes in and goes out: SURVEY of src/native/addon-kernel.ts. */
enum SurveyPlace : size_t {
  kDurable, kLastEpoch, kIsInTransaction, kBytes, kRecords, kLargest, kLast, kBoundary, kIsNotable, kSurveyPlaces
};

/** The record at `at`, if all of it lies in the range; else null. */
const uint8_t* recordAt(const Range& range, size_t at, uint64_t& occupied) {
  const size_t left = range.length - at;
  if (left < kRecordBytesMin) return nullptr;
  const uint8_t* record = range.data + at;
  const uint32_t length = load<uint32_t>(record + kLengthAt);
  occupied = occupiedBy(length);
  return isLength(length) && occupied <= left ? record : nullptr;
}

void surveyRange(const Range& range, double* values) {
  const double durable = values[kDurable];
  double lastEpoch = values[kLastEpoch];
  bool isInTransaction = values[kIsInTransaction] != 0;
  bool isNotable = false;
  int64_t boundary = -1;
  size_t at = 0, last = 0, records = 0;
  uint64_t largest = 0, occupied = 0;
  while (const uint8_t* record = at < range.length ? recordAt(range, at, occupied) : nullptr) {
    const uint16_t flags = load<uint16_t>(record + kFlagsAt);
    const uint8_t stored = record[kTypeAt];
    if (stored == kCommit && static_cast<double>(load<uint64_t>(record + kCommittedAt)) > durable) break;
    const uint32_t type = stored == kTypeRemoved ? flags >> kOriginalTypeShift : stored;
    const double epoch = load<uint32_t>(record + kEpochAt);
    if (epoch > lastEpoch || type == kEpoch || type == kMembership) isNotable = true;
    lastEpoch = std::max(lastEpoch, epoch);
    if (type == kPrepare) isInTransaction = (flags & kLastOfTransaction) == 0;
    if (type == kEpoch) isInTransaction = false;
    largest = std::max(largest, occupied);
    last = at;
    at += occupied;
    records++;
    if (!isInTransaction) boundary = static_cast<int64_t>(at);
  }
  values[kLastEpoch] = lastEpoch;
  values[kIsInTransaction] = isInTransaction;
  values[kBytes] = static_cast<double>(at);
  values[kRecords] = static_cast<double>(records);
  values[kLargest] = static_cast<double>(largest);
  values[kLast] = static_cast<double>(last);
  values[kBoundary] = static_cast<double>(boundary);
  values[kIsNotable] = isNotable;
}

/** survey(bytes, at, length, values): 0. */
Napi::Value survey(const Napi::CallbackInfo& info) {
  Range range;
  double* values = nullptr;
  size_t count = 0;
  const bool isRead = rangeAt(info, 0, range) && arrayAt(info, 3, napi_float64_array, values, count);
  if (!isRead || count != kSurveyPlaces) return Napi::Number::New(info.Env(), kBadArguments);
  surveyRange(range, values);
  return Napi::Number::New(info.Env(), 0);
}

// streamHash of src/log/stream-hash.ts.

uint32_t mixed(uint32_t hash, uint32_t word) {
  const uint32_t product = (hash ^ word) * 0x01000193u;
  return product ^ (product >> 15);
}

uint32_t streamHash(const uint8_t* name, size_t length) {
  uint32_t hash = 0x811c9dc5u;
  size_t at = 0;
  for (; at + 4 <= length; at += 4) hash = mixed(hash, load<uint32_t>(name + at));
  if (at == length) return hash;
  uint32_t rest = 0;
  std::memcpy(&rest, name + at, length - at);
  return mixed(hash, rest);
}

/** Streams' names by hash, as bits. */
struct NameFilter {
  const uint32_t* words;
  uint32_t mask;

  bool has(uint32_t hash) const { return words[(hash & mask) >> 5] >> (hash & 31) & 1; }
};

bool isWanted(const uint8_t* record, uint64_t occupied, const NameFilter& filter) {
  if (record[kTypeAt] != kPrepare || occupied < kStreamAt) return false;
  const size_t nameBytes = load<uint16_t>(record + kStreamBytesAt);
  if (nameBytes > occupied - kStreamAt) return false;
  const bool isMetadata = nameBytes >= 2 && record[kStreamAt] == '$' && record[kStreamAt + 1] == '$';
  return isMetadata || filter.has(streamHash(record + kStreamAt, nameBytes));
}

/**
 * findEvents(bytes, at, length, filter, found): how many. The first element of `found` becomes the end of what was looked at, from `at`; the others, where the
 * records begin. The last record may go on behind the range, but not behind the bytes.
 */
Napi::Value findEvents(const Napi::CallbackInfo& info) {
  Range whole, range;
  uint32_t* filterWords = nullptr;
  int32_t* found = nullptr;
  size_t filterCount = 0, capacity = 0;
  const bool isRead = wholeAt(info, 0, whole) && rangeAt(info, 0, range) &&
                      arrayAt(info, 3, napi_uint32_array, filterWords, filterCount) &&
                      arrayAt(info, 4, napi_int32_array, found, capacity);
  const bool isFilter = filterCount > 0 && (filterCount & (filterCount - 1)) == 0;
  if (!isRead || !isFilter || capacity < 2) return Napi::Number::New(info.Env(), kBadArguments);
  const NameFilter filter{filterWords, static_cast<uint32_t>(filterCount * 32 - 1)};
  const Range rest{range.data, whole.length - static_cast<size_t>(range.data - whole.data)};
  size_t count = 0, at = 0;
  uint64_t occupied = 0;
  while (at < range.length && count + 1 < capacity) {
    const uint8_t* record = recordAt(rest, at, occupied);
    if (record == nullptr) return Napi::Number::New(info.Env(), kBadArguments);
    if (isWanted(record, occupied, filter)) found[++count] = static_cast<int32_t>(at);
    at += occupied;
  }
  found[0] = static_cast<int32_t>(at);
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

}  // namespace

void exportRecordWalks(Napi::Env env, Napi::Object exports) {
  exports.Set("survey", Napi::Function::New<survey>(env, "survey"));
  exports.Set("findEvents", Napi::Function::New<findEvents>(env, "findEvents"));
}

}  // namespace cairn
