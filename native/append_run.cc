// See append_run.h. Two passes over a few requests at a time: the first finds out whether they are plain as far as the
// message alone says, and fetches the memory that their event ids lead to; the second sequences and frames them.
// The offsets are those of docs/protocol.md, "Append", and docs/formats.md, "Prepare".

#include "append_run.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "crc32c.h"
#include "record.h"

namespace cairn {
namespace {

constexpr size_t kAppendPrefixBytes = 24;
constexpr size_t kEventPrefixBytes = 28;
constexpr uint32_t kAppendOpcode = 2;
constexpr uint32_t kNameBytesMax = 1024;
constexpr uint16_t kEventIsJson = 1;
constexpr int64_t kAnyRevision = -2;
constexpr int64_t kStreamExists = -4;

constexpr size_t kTimestampAt = 16;
constexpr size_t kTransactionOffsetAt = 44;
constexpr size_t kRevisionAt = 48;
constexpr size_t kEventIdAt = 56;
constexpr size_t kStreamBytesAt = 72;
constexpr size_t kMetadataBytesAt = 76;
constexpr uint32_t kPrepareHeaderBytes = 80;
constexpr uint32_t kPrepareType = 1;
constexpr uint32_t kFirstOfTransaction = 1;
constexpr uint32_t kLastOfTransaction = 2;
constexpr uint32_t kJson = 4;

/** Requests that are looked at ahead: at first few, for the first may end the run; enough to hide a cache miss behind others. */
constexpr size_t kAheadAtFirst = 8;
constexpr size_t kAheadMax = 32;
/** Whether all bytes are ASCII, and so surely UTF-8. */
bool isAscii(const uint8_t* bytes, uint32_t length) {
  uint64_t seen = 0;
  uint32_t at = 0;
  for (; at + 8 <= length; at += 8) seen |= load<uint64_t>(bytes + at);
  for (; at < length; at++) seen |= bytes[at];
  return (seen & 0x8080808080808080u) == 0;
}

/** An event where it lies in an Append frame. */
struct Event {
  const uint8_t* id;

  uint16_t typeBytes() const { return load<uint16_t>(id + 16); }
  uint16_t flags() const { return load<uint16_t>(id + 18); }
  uint32_t metadataBytes() const { return load<uint32_t>(id + 20); }
  uint32_t dataBytes() const { return load<uint32_t>(id + 24); }
  const uint8_t* type() const { return id + kEventPrefixBytes; }
  /** Type, metadata and data, one behind the other. */
  uint64_t bodyBytes() const { return uint64_t{typeBytes()} + metadataBytes() + dataBytes(); }
  Event next() const { return {id + kEventPrefixBytes + bodyBytes()}; }
};

/** An Append frame whose lengths are known to add up. */
struct Request {
  const uint8_t* frame;
  uint32_t length;
  uint32_t stream;
  /** Of its name. */
  uint32_t streamHash;
  /** What its records take at most. */
  uint64_t recordBytes;

  uint32_t requestId() const { return load<uint32_t>(frame + 8); }
  int64_t expected() const { return load<int64_t>(frame + 12); }
  uint16_t streamBytes() const { return load<uint16_t>(frame + 20); }
  uint16_t events() const { return load<uint16_t>(frame + 22); }
  const uint8_t* streamName() const { return frame + kAppendPrefixBytes; }
  Event firstEvent() const { return {streamName() + streamBytes()}; }
};

/** The requests that are looked at together, and the hashes of all their event ids. One for each thread, for its memory. */
struct Ahead {
  Request requests[kAheadMax];
  size_t count = 0;
  std::vector<uint32_t> hashes;
  /** For telling equal hashes of one request: open addressing, in words of turn and hash. */
  std::vector<uint64_t> distinct;
  uint32_t turn = 0;
};

/** Looks at one request. False if it is not plain, as far as the message and the stream's name tell. */
bool look(const AppendRun& run, size_t at, Request& request, std::vector<uint32_t>& hashes) {
  const Range left = run.message.after(at);
  if (left.length < kAppendPrefixBytes) return false;
  request.frame = left.data;
  request.length = load<uint32_t>(left.data);
  if (request.length < kAppendPrefixBytes || request.length > left.length) return false;
  if (request.length > run.limits.appendBytes || load<uint32_t>(left.data + 4) != kAppendOpcode) return false;
  if (request.requestId() == 0) return false;
  const uint32_t streamBytes = request.streamBytes();
  const uint32_t events = request.events();
  if (streamBytes == 0 || streamBytes > kNameBytesMax || kAppendPrefixBytes + streamBytes > request.length) return false;
  if (events == 0 || events > run.retries.mask) return false;

  const uint8_t* const end = request.frame + request.length;
  Event event = request.firstEvent();
  uint64_t bodies = 0;
  for (uint32_t i = 0; i < events; i++) {
    if (static_cast<size_t>(end - event.id) < kEventPrefixBytes) return false;
    const uint64_t body = event.bodyBytes();
    if (body > static_cast<size_t>(end - event.type()) || body > run.limits.eventBytes) return false;
    if (event.typeBytes() == 0 || event.typeBytes() > kNameBytesMax || event.flags() > kEventIsJson) return false;
    if (!isAscii(event.type(), event.typeBytes())) return false;
    const uint32_t hash = halfSipHash(event.id, kEventIdBytes, run.retries.seed);
    run.retries.prefetch(hash);
    hashes.push_back(hash);
    bodies += body;
    event = event.next();
  }
  if (event.id != end) return false;
  request.recordBytes = events * occupiedBy(kPrepareHeaderBytes + streamBytes + 7) + bodies;
  if (request.recordBytes > run.limits.transactionBytes) return false;
  // A name in the table is valid UTF-8: it was checked when it was new.
  request.streamHash = halfSipHash(request.streamName(), streamBytes, run.names.seed);
  const int64_t stream = run.names.find(request.streamName(), streamBytes, request.streamHash);
  if (stream < 0 || static_cast<size_t>(stream) >= run.headCount) return false;
  request.stream = static_cast<uint32_t>(stream);
  return true;
}

/** Looks at up to `most` requests, from where the run stands. */
void lookAhead(const AppendRun& run, size_t most, Ahead& ahead) {
  ahead.count = 0;
  ahead.hashes.clear();
  for (size_t at = run.at; ahead.count < most && at < run.message.length;) {
    Request& request = ahead.requests[ahead.count];
    if (!look(run, at, request, ahead.hashes)) return;
    at += request.length;
    ahead.count++;
  }
}

/** Whether no two of the hashes are equal. Equal ones are most likely of equal ids: the sequencer will tell. */
bool areDistinct(const uint32_t* hashes, size_t count, Ahead& ahead) {
  if (count == 1) return true;
  size_t size = 256;
  while (size < 2 * count) size *= 2;
  if (ahead.distinct.size() < size) ahead.distinct.assign(size, 0);
  if (++ahead.turn == 0) {
    std::fill(ahead.distinct.begin(), ahead.distinct.end(), 0);
    ahead.turn = 1;
  }
  const size_t mask = ahead.distinct.size() - 1;
  const uint64_t turn = uint64_t{ahead.turn} << 32;
  for (size_t i = 0; i < count; i++) {
    size_t slot = hashes[i] & mask;
    for (; ahead.distinct[slot] >> 32 == ahead.turn; slot = (slot + 1) & mask) {
      if (ahead.distinct[slot] == (turn | hashes[i])) return false;
    }
    ahead.distinct[slot] = turn | hashes[i];
  }
  return true;
}

/** Whether the request is plain, now that all before it are done. */
bool isPlain(const AppendRun& run, const Request& request, const uint32_t* hashes, Ahead& ahead) {
  if (request.recordBytes > run.log.room) return false;
  const double current = run.heads[request.stream].revision;
  // Closed, or a metadata stream.
  if (current < -1) return false;
  const int64_t expected = request.expected();
  const bool holds = expected == kAnyRevision || (expected == kStreamExists && current >= 0) ||
                     (expected >= -1 && static_cast<double>(expected) == current);
  if (!holds) return false;
  Event event = request.firstEvent();
  for (uint32_t i = 0; i < request.events(); i++, event = event.next()) {
    if (run.retries.has(event.id, hashes[i])) return false;
  }
  return areDistinct(hashes, request.events(), ahead);
}

/** Frames one event. Returns the bytes that it takes. */
uint64_t frame(const LogEnd& log, const Request& request, Event event, uint64_t revision, uint64_t first, uint32_t flags) {
  const uint32_t streamBytes = request.streamBytes();
  const uint32_t bodyBytes = static_cast<uint32_t>(event.bodyBytes());
  const uint32_t length = kPrepareHeaderBytes + streamBytes + bodyBytes;
  const uint64_t occupied = occupiedBy(length);
  uint8_t* const record = log.target;
  store(record + occupied - 8, uint64_t{0});
  store(record + kLengthAt, length);
  store(record + kPositionAt, log.position);
  store(record + kTimestampAt, log.timestampUs);
  store(record + kEpochAt, log.epoch);
  store(record + kTypeAt, kPrepareType | uint32_t{kVersion} << 8 | flags << 16);
  store(record + kTransactionOffsetAt, static_cast<uint32_t>(log.position - first));
  store(record + kRevisionAt, revision);
  std::memcpy(record + kEventIdAt, event.id, kEventIdBytes);
  store(record + kStreamBytesAt, streamBytes | uint32_t{event.typeBytes()} << 16);
  store(record + kMetadataBytesAt, event.metadataBytes());
  std::memcpy(record + kPrepareHeaderBytes, request.streamName(), streamBytes);
  std::memcpy(record + kPrepareHeaderBytes + streamBytes, event.type(), bodyBytes);
  return occupied;
}

void write(AppendRun& run, const Request& request, const uint32_t* hashes) {
  StreamHead& head = run.heads[request.stream];
  LogEnd& log = run.log;
  const uint64_t first = log.position;
  const uint32_t events = request.events();
  uint64_t revision = static_cast<uint64_t>(static_cast<int64_t>(head.revision) + 1);
  Event event = request.firstEvent();
  for (uint32_t i = 0;; i++, revision++, event = event.next()) {
    const bool isLast = i + 1 == events;
    const uint32_t flags =
        (i == 0 ? kFirstOfTransaction : 0) | (isLast ? kLastOfTransaction : 0) | (event.flags() != 0 ? kJson : 0);
    const uint64_t position = log.position;
    const uint64_t occupied = frame(log, request, event, revision, first, flags);
    run.retries.add(event.id, hashes[i], request.streamHash, revision, position);
    log.target += occupied;
    log.position += occupied;
    log.room -= occupied;
    if (!isLast) continue;
    head = {static_cast<double>(revision), static_cast<double>(position)};
    break;
  }
  run.records += events;
  run.replies[run.replyTail++ & run.replyMask] = {static_cast<double>(log.position), head.revision, head.position,
                                                  static_cast<double>(request.requestId())};
}

RunEnd takeAll(AppendRun& run, Ahead& ahead) {
  const uint64_t start = run.log.position;
  for (size_t most = kAheadAtFirst;; most = std::min(2 * most, kAheadMax)) {
    if (run.at == run.message.length || run.appendsLeft == 0) return kAllTaken;
    lookAhead(run, most, ahead);
    if (ahead.count == 0) return kNotPlain;
    const uint32_t* hashes = ahead.hashes.data();
    for (size_t i = 0; i < ahead.count; i++) {
      const Request& request = ahead.requests[i];
      if (run.appendsLeft == 0) return kAllTaken;
      if (!isPlain(run, request, hashes, ahead)) return kNotPlain;
      write(run, request, hashes);
      hashes += request.events();
      run.at += request.length;
      run.appendsLeft--;
      if (run.log.position - start >= run.publishBytes) return kPublish;
    }
  }
}

}  // namespace

RunEnd AppendRun::take() {
  static thread_local Ahead ahead;
  return takeAll(*this, ahead);
}

namespace {

/** What argument 1 of takeAppends holds, a Float64Array; RUN_REGISTER of src/base/ports.ts. */
enum Register : size_t {
  kAt,
  kAppendsLeft,
  kReplyTail,
  kRetriesAdded,
  kRingAt,
  kPosition,
  kRoom,
  kRecords,
  kTimestamp,
  kEpoch,
  kPublishBytes,
  kAppendBytesMax,
  kEventBytesMax,
  kTransactionBytesMax,
  kRetrySeedLow,
  kRetrySeedHigh,
  kNameSeedLow,
  kNameSeedHigh,
  kRegisters
};

constexpr int kBadArguments = -2;

/** takeAppends(message, registers, ring, retryMemory, nameSlots, nameWords, heads, replies): why the run ended. */
Napi::Value takeAppends(const Napi::CallbackInfo& info) {
  const auto answer = [&](int value) { return Napi::Number::New(info.Env(), value); };
  AppendRun run{};
  double* registers = nullptr;
  double* heads = nullptr;
  double* replies = nullptr;
  uint32_t* slots = nullptr;
  uint32_t* words = nullptr;
  Range ring, retryMemory;
  size_t registerCount = 0, headValues = 0, replyValues = 0;
  const bool isRead = wholeAt(info, 0, run.message) && arrayAt(info, 1, napi_float64_array, registers, registerCount) &&
                      wholeAt(info, 2, ring) && wholeAt(info, 3, retryMemory) &&
                      arrayAt(info, 4, napi_int32_array, slots, run.names.slotWords) &&
                      arrayAt(info, 5, napi_int32_array, words, run.names.wordCount) &&
                      arrayAt(info, 6, napi_float64_array, heads, headValues) &&
                      arrayAt(info, 7, napi_float64_array, replies, replyValues);
  if (!isRead || registerCount != kRegisters) return answer(kBadArguments);
  const size_t retryEvents = retryMemory.length / kRetryBytesPerEvent;
  const size_t replyCount = replyValues * sizeof(double) / sizeof(PendingReply);
  const auto integer = [&](Register index) { return static_cast<uint64_t>(registers[index]); };
  const auto word = [&](Register index) { return static_cast<uint32_t>(registers[index]); };
  const bool isInside = isPowerOfTwo(retryEvents) && isPowerOfTwo(replyCount) && isPowerOfTwo(run.names.slotWords) &&
                        integer(kAt) <= run.message.length && integer(kRingAt) <= ring.length &&
                        integer(kRoom) <= ring.length - integer(kRingAt) && integer(kAppendsLeft) <= replyCount;
  if (!isInside) return answer(kBadArguments);

  run.at = integer(kAt);
  run.names.slots = slots;
  run.names.words = words;
  run.names.seed = {word(kNameSeedLow), word(kNameSeedHigh)};
  run.heads = reinterpret_cast<StreamHead*>(heads);
  run.headCount = headValues * sizeof(double) / sizeof(StreamHead);
  run.retries = RetryWindow(retryMemory.data, retryEvents, {word(kRetrySeedLow), word(kRetrySeedHigh)}, integer(kRetriesAdded));
  run.replies = reinterpret_cast<PendingReply*>(replies);
  run.replyMask = replyCount - 1;
  run.replyTail = integer(kReplyTail);
  run.limits = {integer(kAppendBytesMax), integer(kEventBytesMax), integer(kTransactionBytesMax)};
  run.log = {ring.data + integer(kRingAt), integer(kPosition), integer(kRoom), integer(kTimestamp), word(kEpoch)};
  run.appendsLeft = integer(kAppendsLeft);
  run.publishBytes = integer(kPublishBytes);

  const RunEnd end = run.take();
  registers[kAt] = static_cast<double>(run.at);
  registers[kAppendsLeft] = static_cast<double>(run.appendsLeft);
  registers[kReplyTail] = static_cast<double>(run.replyTail);
  registers[kRetriesAdded] = static_cast<double>(run.retries.added);
  registers[kPosition] = static_cast<double>(run.log.position);
  registers[kRoom] = static_cast<double>(run.log.room);
  registers[kRecords] = static_cast<double>(run.records);
  return answer(end);
}

}  // namespace

void exportAppendRun(Napi::Env env, Napi::Object exports) {
  exports.Set("takeAppends", Napi::Function::New<takeAppends>(env, "takeAppends"));
}

}  // namespace cairn
