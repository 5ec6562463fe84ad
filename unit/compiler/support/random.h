// A generator of numbers whose sequence is the same on every machine and library (those of <random>
// are not), so that a seed printed by a failing test repeats the failure anywhere.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace podgate::compiler::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // 0..count-1; count > 0.
  int Below(int count) { return static_cast<int>(Next() % static_cast<std::uint64_t>(count)); }
  int Between(int first, int last) { return first + Below(last - first + 1); }
  bool Percent(int chance) { return Below(100) < chance; }
  template <typename T>
  const T& Pick(const std::vector<T>& items) {
    return items[static_cast<std::size_t>(Below(static_cast<int>(items.size())))];
  }
  // Index of the share that was drawn, e.g. {60, 30, 10}.
  int Share(const std::vector<int>& shares) {
    int total = 0;
    for (const int share : shares) total += share;
    int drawn = Below(total);
    int index = 0;
    while (drawn >= shares[static_cast<std::size_t>(index)])
      drawn -= shares[static_cast<std::size_t>(index++)];
    return index;
  }

 private:
  std::uint64_t state_;
};

// An unsigned number from the environment, or `otherwise`.
inline std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace podgate::compiler::test
