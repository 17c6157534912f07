// Which CRC-32C implementations run on this processor, in order of speed. Asked once per process.

#include "crc32c.h"

#include <initializer_list>

namespace cairn {

const Implementations& implementations() {
  static const Implementations available = [] {
    Implementations found{};
    for (const Implementation* one :
         {wideImplementation(), sse42Implementation(), armImplementation(), tableImplementation()}) {
      if (one != nullptr) found.list[found.count++] = one;
    }
    return found;
  }();
  return available;
}

}  // namespace cairn
