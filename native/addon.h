// What the files of the addon share: how arguments are read. Every thread; nothing here outlives a call.

#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace cairn {

void exportDisk(Napi::Env env, Napi::Object exports);
void exportKernel(Napi::Env env, Napi::Object exports);
void exportAppendRun(Napi::Env env, Napi::Object exports);
void exportRecordWalks(Napi::Env env, Napi::Object exports);
void exportRememberAll(Napi::Env env, Napi::Object exports);

/** `bytes[at, at+length)` of a Uint8Array, which may live in shared memory. */
struct Range {
  uint8_t* data = nullptr;
  size_t length = 0;

  Range after(size_t count) const { return {data + count, length - count}; }
};

inline int64_t integerAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Int64Value();
}

/**
 * Reads the Uint8Array that is argument `index`. False if it is no typed array. Asks N-API directly, because
 * the wrapper class makes several calls for one.
 */
inline bool wholeAt(const Napi::CallbackInfo& info, size_t index, Range& range) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[index], &type, &range.length, &data, nullptr, nullptr);
  range.data = static_cast<uint8_t*>(data);
  return status == napi_ok && type == napi_uint8_array;
}

/** The typed array that is argument `index`: its elements, and how many. False if it is of another type. */
template <typename Element>
bool arrayAt(const Napi::CallbackInfo& info, size_t index, napi_typedarray_type wanted, Element*& elements, size_t& count) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  if (napi_get_typedarray_info(info.Env(), info[index], &type, &count, &data, nullptr, nullptr) != napi_ok) return false;
  elements = static_cast<Element*>(data);
  return type == wanted;
}

/** Reads the arguments (bytes, at, length) from `index` on. False if the range is not inside the bytes. */
inline bool rangeAt(const Napi::CallbackInfo& info, size_t index, Range& range) {
  Range whole;
  if (!wholeAt(info, index, whole)) return false;
  const int64_t at = integerAt(info, index + 1);
  const int64_t length = integerAt(info, index + 2);
  if (at < 0 || length < 0) return false;
  const uint64_t skip = static_cast<uint64_t>(at);
  if (skip > whole.length || static_cast<uint64_t>(length) > whole.length - skip) return false;
  range = {whole.data + skip, static_cast<size_t>(length)};
  return true;
}

}  // namespace cairn
