#include "compiler/ir/port_pieces.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <random>

#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using Ranges = std::vector<std::vector<PortRange>>;

// "80-89{0,1} 90-90{1}"
std::string Cut(const Ranges& ranges) {
  std::string text;
  for (const PortPiece& atom : CutPorts(ranges))
    text += fmt::format("{}{}-{}{{{}}}", text.empty() ? "" : " ", atom.range.first, atom.range.last,
                        fmt::join(atom.rules, ","));
  return text;
}

TEST(CutPorts, Table) {
  EXPECT_EQ(Cut({}), "");
  EXPECT_EQ(Cut({{}}), "");
  EXPECT_EQ(Cut({{{80, 80}}}), "80-80{0}");
  EXPECT_EQ(Cut({{{80, 80}}, {{80, 80}}}), "80-80{0,1}");
  EXPECT_EQ(Cut({{{80, 90}}, {{85, 100}}}), "80-84{0} 85-90{0,1} 91-100{1}");
  EXPECT_EQ(Cut({{{1, 100}}, {{50, 50}}}), "1-49{0} 50-50{0,1} 51-100{0}");
  // One rule's ranges are merged first, also when they only touch.
  EXPECT_EQ(Cut({{{20, 30}, {10, 19}, {25, 40}}}), "10-40{0}");
  EXPECT_EQ(Cut({{{10, 19}}, {{20, 30}}}), "10-19{0} 20-30{1}");
  EXPECT_EQ(Cut({{{0, 65535}}, {{65535, 65535}}}), "0-65534{0} 65535-65535{0,1}");
  // Upside down: no port at all.
  EXPECT_EQ(Cut({{{90, 80}}}), "");
}

TEST(CountPieces, GivesUpAboveTheLimit) {
  Ranges nested;
  for (std::uint16_t i = 0; i < 1000; ++i)
    nested.push_back({{i, static_cast<std::uint16_t>(60000 - i)}});
  // 1 + 2 + … + 1,000 + … + 2 + 1
  EXPECT_EQ(CountPieces(nested, 0, 1'000'000), 1'000'000u);
  EXPECT_FALSE(CountPieces(nested, 0, 999'999));
  EXPECT_EQ(CountPieces(nested, 3, 2'000'000), 1'000'000u + 3 * 1999);
}

TEST(CutPorts, AgreesWithAskingEachRuleForEachPort) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  for (int round = 0; round < 300; ++round) {
    Ranges ranges(random() % 6);
    for (auto& rule : ranges)
      for (std::uint64_t n = random() % 5; n > 0; --n) {
        const auto first = static_cast<std::uint16_t>(65536 - 120 + random() % 120);
        const auto last =
            static_cast<std::uint16_t>(std::min<std::uint64_t>(65535, first + random() % 30));
        rule.push_back({first, last});
      }
    std::vector<std::vector<std::size_t>> found(65536);
    std::uint32_t next = 0;
    std::size_t count = 0;
    for (const PortPiece& atom : CutPorts(ranges)) {
      count += atom.rules.size() + 2;
      EXPECT_GE(atom.range.first, next) << "pieces overlap";
      next = atom.range.last + 1u;
      for (std::uint32_t port = atom.range.first; port <= atom.range.last; ++port)
        found[port] = atom.rules;
    }
    EXPECT_EQ(CountPieces(ranges, 2, 1'000'000), count);
    for (std::uint32_t port = 65536 - 130; port < 65536; ++port) {
      std::vector<std::size_t> expected;
      for (std::size_t i = 0; i < ranges.size(); ++i)
        if (std::any_of(ranges[i].begin(), ranges[i].end(),
                        [&](const PortRange& r) { return r.first <= port && port <= r.last; }))
          expected.push_back(i);
      ASSERT_EQ(found[port], expected) << "port " << port;
    }
  }
}

}  // namespace
}  // namespace podgate::compiler
