#include "controller/base/memory_trim.h"

#include <malloc.h>

namespace podgate::controller {

void TrimListMemory() { ::malloc_trim(0); }

}  // namespace podgate::controller
