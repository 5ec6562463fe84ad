// Version of this build.
#pragma once

namespace podgate::controller {

// "MAJOR.MINOR.PATCH".
const char* Version();

}  // namespace podgate::controller
