// The addon's table of exports. It is loaded once per thread that needs it; it keeps no state between calls, so threads
// share nothing through it. No policy lives here: a function is one system call or one loop, and returns 0 or a count,
// or -errno. JavaScript validates and decides (src/native); what is checked here again are the bounds of memory.

#include "addon.h"

namespace cairn {

// Raised whenever an export changes its meaning, so that a stale build is recognised instead of misunderstood.
// src/native/load.ts holds the same number.
constexpr int kInterfaceVersion = 9;

Napi::Object exportAll(Napi::Env env, Napi::Object exports) {
  exports.Set("interfaceVersion", Napi::Number::New(env, kInterfaceVersion));
  exportDisk(env, exports);
  exportKernel(env, exports);
  exportAppendRun(env, exports);
  exportRecordWalks(env, exports);
  exportRememberAll(env, exports);
  return exports;
}

}  // namespace cairn

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return cairn::exportAll(env, exports); }

NODE_API_MODULE(cairn, initialize)
