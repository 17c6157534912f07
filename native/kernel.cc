// The loops over bytes and records, for src/native/addon-kernel.ts. Pure computation on any thread: which implementation
// runs is an argument (an index into `implementations`), the state of the chain comes and goes in a Float64Array.

#include <cstring>

#include "addon.h"
#include "crc32c.h"

namespace cairn {
namespace {

// What an export returns for arguments outside its bounds; like kNotRecords, a bug of the caller.
constexpr int kBadArguments = -2;

Napi::Value number(const Napi::CallbackInfo& info, double value) { return Napi::Number::New(info.Env(), value); }

/** The implementation that argument 0 names; null if there is none of that index. */
const Implementation* implementationOf(const Napi::CallbackInfo& info) {
  const Implementations& available = implementations();
  const int64_t index = integerAt(info, 0);
  return index >= 0 && static_cast<size_t>(index) < available.count ? available.list[index] : nullptr;
}

/** The state in argument 4, a Float64Array of position, chain, previousLength, epoch; null if it is not four long. */
double* stateOf(const Napi::CallbackInfo& info) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(info.Env(), info[4], &type, &length, &data, nullptr, nullptr) != napi_ok) return nullptr;
  return type == napi_float64_array && length == 4 ? static_cast<double*>(data) : nullptr;
}

ChainState readState(const double* values) {
  return {static_cast<uint64_t>(values[0]), static_cast<uint32_t>(values[1]), static_cast<uint32_t>(values[2]),
          static_cast<uint32_t>(values[3])};
}

void writeState(const ChainState& state, double* values) {
  values[0] = static_cast<double>(state.position);
  values[1] = state.chain;
  values[2] = state.previousLength;
  values[3] = state.epoch;
}

/** implementations(): their names, the fastest first. */
Napi::Value names(const Napi::CallbackInfo& info) {
  const Implementations& available = implementations();
  Napi::Array list = Napi::Array::New(info.Env(), available.count);
  for (uint32_t i = 0; i < available.count; i++) list.Set(i, Napi::String::New(info.Env(), available.list[i]->name));
  return list;
}

/** crc32c(implementation, bytes, at, length, seed): the CRC. */
Napi::Value crc32c(const Napi::CallbackInfo& info) {
  const Implementation* implementation = implementationOf(info);
  Range range;
  if (implementation == nullptr || !rangeAt(info, 1, range)) return number(info, kBadArguments);
  const uint32_t seed = info[4].As<Napi::Number>().Uint32Value();
  return number(info, implementation->crc32c(seed, range.data, range.length));
}

/** copyRuns(source, target, runs, count): runs of (from, to, length), none of which may overlap. The number copied. */
Napi::Value copyRuns(const Napi::CallbackInfo& info) {
  Range source;
  Range target;
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  const bool isRead =
      wholeAt(info, 0, source) && wholeAt(info, 1, target) &&
      napi_get_typedarray_info(info.Env(), info[2], &type, &length, &data, nullptr, nullptr) == napi_ok;
  const int64_t count = integerAt(info, 3);
  if (!isRead || type != napi_int32_array || count < 0 || static_cast<size_t>(count) > length / 3) {
    return number(info, kBadArguments);
  }
  const int32_t* run = static_cast<const int32_t*>(data);
  for (int64_t i = 0; i < count; i++, run += 3) {
    const int64_t from = run[0], to = run[1], bytes = run[2];
    const bool isInside = from >= 0 && to >= 0 && bytes >= 0 && static_cast<size_t>(from + bytes) <= source.length &&
                          static_cast<size_t>(to + bytes) <= target.length;
    if (!isInside) return number(info, kBadArguments);
    if (bytes > 0) std::memcpy(target.data + to, source.data + from, static_cast<size_t>(bytes));
  }
  return number(info, static_cast<double>(count));
}

/** seal(implementation, bytes, at, length, state): the number of records. */
Napi::Value seal(const Napi::CallbackInfo& info) {
  const Implementation* implementation = implementationOf(info);
  double* values = stateOf(info);
  Range range;
  if (implementation == nullptr || values == nullptr || !rangeAt(info, 1, range)) return number(info, kBadArguments);
  ChainState state = readState(values);
  const int64_t count = implementation->seal(range.data, range.length, state);
  writeState(state, values);
  return number(info, static_cast<double>(count));
}

/** verify(implementation, bytes, at, length, state): why it stopped. */
Napi::Value verify(const Napi::CallbackInfo& info) {
  const Implementation* implementation = implementationOf(info);
  double* values = stateOf(info);
  Range range;
  if (implementation == nullptr || values == nullptr || !rangeAt(info, 1, range)) return number(info, kBadArguments);
  ChainState state = readState(values);
  const VerifyStop stop = implementation->verify(range.data, range.length, state);
  writeState(state, values);
  return number(info, stop);
}

}  // namespace

void exportKernel(Napi::Env env, Napi::Object exports) {
  exports.Set("implementations", Napi::Function::New<names>(env, "implementations"));
  exports.Set("crc32c", Napi::Function::New<crc32c>(env, "crc32c"));
  exports.Set("copyRuns", Napi::Function::New<copyRuns>(env, "copyRuns"));
  exports.Set("seal", Napi::Function::New<seal>(env, "seal"));
  exports.Set("verify", Napi::Function::New<verify>(env, "verify"));
}

}  // namespace cairn
