// What is written by netlink, or loaded by nft from the printed text, must come back as what was
// wanted.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "nft/model/canonical.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/kernel/real_kernel.h"
#include "unit/nft/support/every_form.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

// nft sorts concatenated keys by their bytes in the host's order: sort the elements of each list as
// text.
std::string SortElements(const std::string& listing) {
  static const std::string kStart = "elements = { ";
  std::string sorted;
  std::size_t at = 0;
  for (;;) {
    const std::size_t start = listing.find(kStart, at);
    if (start == std::string::npos) return sorted + listing.substr(at);
    const std::size_t from = start + kStart.size();
    const std::size_t end = listing.find(" }", from);
    sorted += listing.substr(at, from - at);
    std::set<std::string> elements;
    for (std::size_t next = from; next < end;) {
      const std::size_t comma = std::min(end, listing.find(',', next));
      elements.insert(listing.substr(next, comma - next));
      next = std::min(end, listing.find_first_not_of(" \t\n", comma + 1));
    }
    for (const std::string& element : elements) sorted += element + "\n";
    at = end;
  }
}

// The listing's blocks (sets, chains) in one order: the netlink writer makes base chains last.
std::string SortBlocks(const std::string& listing) {
  std::multiset<std::string> blocks;
  std::string block;
  for (std::size_t at = 0; at < listing.size();) {
    const std::size_t end = std::min(listing.size(), listing.find('\n', at) + 1);
    const std::string line = listing.substr(at, end - at);
    if (line != "\n") block += line;
    if (line == "\t}\n") blocks.insert(std::exchange(block, ""));
    at = end;
  }
  for (const std::string& sorted : blocks) block += sorted;
  return block;
}

void ReplaceAll(const std::string& from, const std::string& to, std::string* text) {
  for (std::size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size()) {
    text->replace(at, from.size(), to);
  }
}

// How nft names a protocol depends on /etc/protocols, so Podgate's text has names that every nft
// can read.
std::string Normalised(const std::string& listing) {
  std::string text = SortElements(listing);
  ReplaceAll("ipv6-icmp", "icmpv6", &text);
  return text;
}

// nft's listing leaves out a match of the family or protocol that another part of the rule implies:
// such rules (which are fine otherwise) lose those matches here.
Ruleset WithoutImpliedMatches(Ruleset ruleset) {
  const auto implies_family = [](const Match& match) {
    return FamilyOf(match).has_value() || ProtocolOf(match) == kIcmpv6;
  };
  const auto implies_protocol = [](const Match& match) {
    return ProtocolOf(match).has_value() || std::holds_alternative<MatchServiceSet>(match);
  };
  for (auto& [name, chain] : ruleset.chains) {
    for (Rule& rule : chain.rules) {
      // It also leaves out the family in front of "reject with tcp reset".
      const bool reset = rule.action && std::holds_alternative<Reject>(*rule.action) &&
                         std::any_of(rule.matches.begin(), rule.matches.end(),
                                     [](const Match& match) { return ProtocolOf(match) == kTcp; });
      bool family = reset || (rule.action && std::holds_alternative<VmapAddress>(*rule.action));
      bool protocol = rule.action && (std::holds_alternative<VmapPort>(*rule.action) ||
                                      std::holds_alternative<VmapService>(*rule.action));
      std::vector<Match> kept;
      for (const Match& match : rule.matches) {
        if (!std::holds_alternative<MatchFamily>(match)) family |= implies_family(match);
        if (!std::holds_alternative<MatchProtocol>(match) && implies_protocol(match)) {
          if (protocol) continue;
          protocol = true;
        }
        kept.push_back(match);
      }
      std::erase_if(kept, [&](const Match& match) {
        const bool plain_family = std::holds_alternative<MatchFamily>(match);
        const bool plain_protocol = std::holds_alternative<MatchProtocol>(match);
        const bool implied = (plain_family && family) || (plain_protocol && protocol);
        family |= plain_family;
        protocol |= plain_protocol;
        return implied;
      });
      rule.matches = std::move(kept);
      if (rule.matches.empty() && rule.statements.empty() && !rule.action) rule.action = Reject{};
    }
  }
  return ruleset;
}

class RoundTripTest : public RealKernelTest {
 protected:
  // Programs the ruleset both ways into new namespaces and compares what both kernels hold.
  void Check(const Ruleset& wanted) {
    EnterNewNamespace();
    const Status status = Bring(wanted);
    ASSERT_TRUE(status.ok()) << status.message() << "\n" << Print(wanted);
    ASSERT_EQ(DifferenceText(ReadBack(), wanted), "same");
    const std::string listed = ListWithNft();

    EnterNewNamespace();
    const std::string text = Print(wanted);
    ASSERT_EQ(LoadWithNft(text), "") << text;
    ASSERT_EQ(DifferenceText(ReadBack(), wanted), "same") << text;
    ASSERT_EQ(SortBlocks(ListWithNft()), SortBlocks(listed));
    const Ruleset read = ReadBack();
    ASSERT_TRUE(Diff(&read, wanted).empty()) << Print(Diff(&read, wanted));

    ASSERT_EQ(LoadWithNft(text), "") << "the second time:\n" << text;
    ASSERT_EQ(SortBlocks(ListWithNft()), SortBlocks(listed));
  }
};

TEST_F(RoundTripTest, EveryForm) { Check(EveryForm()); }

TEST_F(RoundTripTest, RandomRulesets) {
  const std::uint32_t seed = SeedOf(1);
  RandomRuleset random(seed);
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", ruleset " << i);
    Check(random.Make());
    if (HasFatalFailure()) return;
  }
}

TEST_F(RoundTripTest, PrintsAsNftLists) {
  const std::uint32_t seed = SeedOf(2);
  RandomRuleset random(seed);
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", ruleset " << i);
    const Ruleset wanted = WithoutImpliedMatches(random.Make());
    EnterNewNamespace();
    const std::string text = Print(wanted);
    ASSERT_EQ(LoadWithNft(text), "") << text;
    ASSERT_EQ(Normalised(ListWithNft()),
              Normalised(text.substr(text.find("table inet podgate {"))));
  }
}

}  // namespace
}  // namespace podgate::nft
