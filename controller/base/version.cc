#include "controller/base/version.h"

namespace podgate::controller {

const char* Version() { return PODGATE_VERSION; }

}  // namespace podgate::controller
