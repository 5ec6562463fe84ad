// How tests wait for another thread: as long as a slow machine may need, and not for ever.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace podgate::unit {

// Until `condition` holds; after two minutes it is a failure of the test.
template <typename Condition>
void Await(Condition condition) {
  const auto latest = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > latest) {
      FAIL() << "what was waited for did not come";
    }
    std::this_thread::yield();
  }
}

}  // namespace podgate::unit
