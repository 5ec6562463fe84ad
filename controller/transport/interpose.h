// Three functions of the C library and of OpenSSL that this program defines itself, so that
// cpprestsdk, which is only to be had as it is, calls ours: see interpose.cc.
#pragma once

namespace podgate::controller {

// Makes the linker take the file in; true when cpprestsdk's calls do arrive here.
bool CallsAreInterposed();

}  // namespace podgate::controller
