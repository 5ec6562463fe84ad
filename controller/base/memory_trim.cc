#include "controller/base/memory_trim.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace podgate::controller {
namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// A line of /proc/self/maps, if it is text of a file: mapped privately, never written, so that its
// pages are the file's own and can be had again from there.
bool IsText(const std::string& line, Mapping* mapping) {
  char access[5] = {};
  int path = 0;
  const int fields = std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %n",
                                 &mapping->begin, &mapping->end, access, &path);
  return fields == 3 && std::string(access) == "r-xp" && path > 0 &&
         line.compare(static_cast<std::size_t>(path), 1, "/") == 0;
}

}  // namespace

void TrimListMemory() {
  ::malloc_trim(0);
  std::ifstream maps("/proc/self/maps");
  Mapping mapping;
  for (std::string line; std::getline(maps, line);)
    if (IsText(line, &mapping)) {
      void* const begin = reinterpret_cast<void*>(mapping.begin);
      ::madvise(begin, mapping.end - mapping.begin, MADV_DONTNEED);  // a wish: failing is no harm
    }
}

}  // namespace podgate::controller
