// System calls on files, for src/native/addon-disk.ts. Called on threads that may block. Each function is one call, or
// one loop around it that finishes or fails: an interrupted call is repeated, a short count is continued.
// Everything returns 0 or a count (or a descriptor), or -errno.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "addon.h"

namespace cairn {
namespace {

Napi::Value result(const Napi::CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

/** Repeats `call` while a signal interrupts it. Returns what it returns, or -errno. */
template <typename Call>
int64_t uninterrupted(Call call) {
  for (;;) {
    const int64_t value = call();
    if (value >= 0) return value;
    if (errno != EINTR) return -errno;
  }
}

int fileAt(const Napi::CallbackInfo& info) { return static_cast<int>(integerAt(info, 0)); }

/** Whether address, length and offset are multiples of `unit`. Checked here because not every file system does. */
bool isAligned(const Range& range, int64_t offset, int64_t unit) {
  if (unit <= 0 || offset < 0) return false;
  return (reinterpret_cast<uintptr_t>(range.data) | range.length | static_cast<uint64_t>(offset)) % static_cast<uint64_t>(unit) == 0;
}

/** Whether the file ends at or before `offset`. */
bool endsBefore(int file, int64_t offset) {
  struct stat status;
  return fstat(file, &status) == 0 && status.st_size <= offset;
}

/** open(path, flags, mode): a descriptor. */
Napi::Value open(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const int flags = static_cast<int>(integerAt(info, 1)) | O_CLOEXEC;
  const mode_t mode = static_cast<mode_t>(integerAt(info, 2));
  return result(info, uninterrupted([&] { return ::open(path.c_str(), flags, mode); }));
}

/** close(file). Never repeated: on Linux the descriptor is gone even after EINTR, and may be somebody else's by then. */
Napi::Value close(const Napi::CallbackInfo& info) {
  const int failed = ::close(fileAt(info));
  return result(info, failed && errno != EINTR ? -errno : 0);
}

/** read(file, bytes, at, length, offset, alignment): the bytes read, fewer than `length` only at the end of the file. */
Napi::Value read(const Napi::CallbackInfo& info) {
  const int file = fileAt(info);
  const int64_t offset = integerAt(info, 4);
  Range range;
  if (!rangeAt(info, 1, range) || !isAligned(range, offset, integerAt(info, 5))) return result(info, -EINVAL);
  size_t done = 0;
  while (done < range.length) {
    const int64_t count =
        uninterrupted([&] { return pread(file, range.data + done, range.length - done, offset + done); });
    // A direct read that ended within a sector, at the end of the file, can't be continued from there.
    if (count == -EINVAL && done > 0 && endsBefore(file, offset + done)) break;
    if (count < 0) return result(info, count);
    if (count == 0) break;
    done += count;
  }
  return result(info, done);
}

/** Writes the whole range to `offset`. Returns 0 or -errno. */
int64_t writeAll(int file, Range range, int64_t offset) {
  while (range.length > 0) {
    const int64_t count = uninterrupted([&] { return pwrite(file, range.data, range.length, offset); });
    if (count < 0) return count;
    if (count == 0) return -EIO;  // no progress and no reason: better an error than a loop for ever
    range = range.after(static_cast<size_t>(count));
    offset += count;
  }
  return 0;
}

/** write(file, bytes, at, length, offset, alignment): 0 once every byte is written. */
Napi::Value write(const Napi::CallbackInfo& info) {
  const int64_t offset = integerAt(info, 4);
  Range range;
  if (!rangeAt(info, 1, range) || !isAligned(range, offset, integerAt(info, 5))) return result(info, -EINVAL);
  return result(info, writeAll(fileAt(info), range, offset));
}

/** writeWithTail(file, bytes, at, length, offset, alignment, tail): the range and right behind it all of `tail`. */
Napi::Value writeWithTail(const Napi::CallbackInfo& info) {
  const int file = fileAt(info);
  const int64_t offset = integerAt(info, 4);
  const int64_t alignment = integerAt(info, 5);
  Range range;
  Range tail;
  if (!rangeAt(info, 1, range) || !wholeAt(info, 6, tail)) return result(info, -EINVAL);
  if (!isAligned(range, offset, alignment) || !isAligned(tail, 0, alignment)) return result(info, -EINVAL);
  const iovec parts[2] = {{range.data, range.length}, {tail.data, tail.length}};
  const int64_t count = uninterrupted([&] { return pwritev(file, parts, 2, offset); });
  if (count < 0) return result(info, count);
  // Almost always all of it. What a short count left over is written part by part.
  const size_t done = static_cast<size_t>(count);
  const size_t tailDone = done > range.length ? done - range.length : 0;
  const int64_t failed = writeAll(file, range.after(done - tailDone), offset + count);
  if (failed < 0) return result(info, failed);
  return result(info, writeAll(file, tail.after(tailDone), offset + range.length + tailDone));
}

/** allocate(file, length): reserves [0, length). -EOPNOTSUPP where the file system can't; the caller writes zeros then. */
Napi::Value allocate(const Napi::CallbackInfo& info) {
  const int file = fileAt(info);
  const int64_t length = integerAt(info, 1);
  return result(info, uninterrupted([&] { return fallocate(file, 0, 0, length); }));
}

/** syncData(file): fdatasync. Repeated only if a signal interrupted it, never after a failure. */
Napi::Value syncData(const Napi::CallbackInfo& info) {
  return result(info, uninterrupted([&] { return fdatasync(fileAt(info)); }));
}

/** sync(file): fsync. */
Napi::Value sync(const Napi::CallbackInfo& info) {
  return result(info, uninterrupted([&] { return fsync(fileAt(info)); }));
}

/** dropCached(file): what the system has of it in memory goes, if it is on the medium. A hint: 0 also where there is none. */
Napi::Value dropCached(const Napi::CallbackInfo& info) {
#ifdef POSIX_FADV_DONTNEED
  return result(info, -posix_fadvise(fileAt(info), 0, 0, POSIX_FADV_DONTNEED));
#else
  return result(info, 0);
#endif
}

/** lock(file): takes the whole file for this open descriptor; -EWOULDBLOCK if another holds it. */
Napi::Value lock(const Napi::CallbackInfo& info) {
  return result(info, uninterrupted([&] { return flock(fileAt(info), LOCK_EX | LOCK_NB); }));
}

/** alignmentGap(bytes, alignment): how many bytes to skip so that the rest begins at an aligned address. */
Napi::Value alignmentGap(const Napi::CallbackInfo& info) {
  Range range;
  const int64_t unit = integerAt(info, 1);
  if (!wholeAt(info, 0, range) || unit <= 0) return result(info, -EINVAL);
  const int64_t over = static_cast<int64_t>(reinterpret_cast<uintptr_t>(range.data) % static_cast<uint64_t>(unit));
  return result(info, over == 0 ? 0 : unit - over);
}

/**
 * adviseHugePages(bytes): asks for huge pages for the memory, whole pages of it. A hint: 0 also where the system has none.
 * For memory that was not touched yet, and is large enough that the small pages would overflow the processor's tables.
 */
Napi::Value adviseHugePages(const Napi::CallbackInfo& info) {
  Range range;
  if (!wholeAt(info, 0, range)) return result(info, -EINVAL);
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kPage = 4096;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(range.data) + kPage - 1) / kPage * kPage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(range.data) + range.length) / kPage * kPage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
  return result(info, 0);
}

}  // namespace

void exportDisk(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New<open>(env, "open"));
  exports.Set("close", Napi::Function::New<close>(env, "close"));
  exports.Set("read", Napi::Function::New<read>(env, "read"));
  exports.Set("write", Napi::Function::New<write>(env, "write"));
  exports.Set("writeWithTail", Napi::Function::New<writeWithTail>(env, "writeWithTail"));
  exports.Set("allocate", Napi::Function::New<allocate>(env, "allocate"));
  exports.Set("syncData", Napi::Function::New<syncData>(env, "syncData"));
  exports.Set("sync", Napi::Function::New<sync>(env, "sync"));
  exports.Set("dropCached", Napi::Function::New<dropCached>(env, "dropCached"));
  exports.Set("lock", Napi::Function::New<lock>(env, "lock"));
  exports.Set("adviseHugePages", Napi::Function::New<adviseHugePages>(env, "adviseHugePages"));
  exports.Set("alignmentGap", Napi::Function::New<alignmentGap>(env, "alignmentGap"));
}

}  // namespace cairn
