// The fake kernel must say yes and no as the real one does.
#include "unit/nft/fake/fake_kernel.h"

#include <algorithm>
#include <iostream>

#include "nft/model/compare.h"
#include "nft/model/step.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/kernel/real_kernel.h"
#include "unit/nft/support/random_ruleset.h"

namespace podgate::nft {
namespace {

using Code = Status::Code;

const std::vector<Field> kIpv4 = {Field::kIpv4Addr};

Element Member(const char* address) {
  return {AddressKey(*ipset::Address::Parse(address)), "", std::nullopt};
}
Element To(const char* address, Verdict verdict) {
  Element element = Member(address);
  element.verdict = std::move(verdict);
  return element;
}
Element Ports(std::uint16_t first, std::uint16_t last) {
  return {ServiceKey(first), ServiceKey(last), std::nullopt};
}
Verdict GoTo(const std::string& chain) { return {Verdict::Kind::kGoto, chain}; }

Set MakeSet(const std::string& name, std::vector<Field> key, bool interval = false,
            bool verdict_map = false, std::uint32_t size = 0) {
  Set set;
  set.name = name;
  set.key = std::move(key);
  set.interval = interval;
  set.verdict_map = verdict_map;
  set.size = size;
  return set;
}

Rule Jump(const std::string& chain) { return {{}, {}, Verdict{Verdict::Kind::kJump, chain}, ""}; }
Rule Match1(Match match) { return {{std::move(match)}, {}, Verdict{}, ""}; }

Ruleset Base() {
  Ruleset ruleset;
  ruleset.comment = "test";
  ruleset.counters = {"used", "idle"};
  ruleset.sets["peers"] = MakeSet("peers", kIpv4, false, false, 4);
  ruleset.sets["peers"].elements = {Member("10.0.0.1"), Member("10.0.0.2")};
  ruleset.sets["idle-set"] = MakeSet("idle-set", kIpv4);
  ruleset.sets["ports"] = MakeSet("ports", {Field::kInetService}, true);
  ruleset.sets["ports"].elements = {Ports(80, 90)};
  ruleset.sets["map"] = MakeSet("map", kIpv4, false, true);
  ruleset.sets["map"].elements = {To("10.1.0.5", GoTo("pod"))};
  for (const char* name : {"class", "idle-chain", "pod"}) {
    ruleset.chains[name] = Chain{name, std::nullopt, {}};
  }
  ruleset.chains["class"].rules = {Rule{
      {MatchAddressSet{Side::kSource, Family::kIPv4, "peers"}}, {CountBy{"used"}}, Verdict{}, ""}};
  ruleset.chains["pod"].rules = {Rule{{}, {}, GoTo("class"), ""}};
  ruleset.chains["forward"] = {
      "forward",
      BaseHook{Hook::kForward, -5},
      {Rule{{}, {}, VmapAddress{Side::kSource, Family::kIPv4, "map"}, ""}}};
  return ruleset;
}

struct Case {
  const char* name;
  std::vector<Operation> operations;
  Code expected;
};

std::vector<Operation> ChainRow(int length) {
  std::vector<Operation> operations;
  for (int i = 0; i < length; ++i) {
    operations.push_back(AddChain{"deep" + std::to_string(i), std::nullopt});
  }
  for (int i = 0; i + 1 < length; ++i) {
    operations.push_back(
        SetRules{"deep" + std::to_string(i), {Jump("deep" + std::to_string(i + 1))}});
  }
  operations.push_back(SetRules{"forward", {Jump("deep0")}});
  return operations;
}

// What a kernel says that checks jumps at once (fake_kernel.h), or one that does so at the end.
std::vector<Case> Cases(bool checks_jumps_at_once) {
  const auto add = [](const char* set, std::vector<Element> elements) {
    return AddElements{set, kIpv4, false, std::move(elements)};
  };
  const auto remove = [](const char* set, std::vector<Element> elements) {
    return DeleteElements{set, kIpv4, false, std::move(elements)};
  };
  const auto ports = [](std::vector<Element> elements) {
    return AddElements{"ports", {Field::kInetService}, true, std::move(elements)};
  };
  const Rule unknown_counter{{}, {CountBy{"nosuch"}}, Verdict{}, ""};
  return {
      {"an element more", {add("peers", {Member("10.0.0.3")})}, Code::kOk},
      {"an element twice",
       {add("peers", {Member("10.0.0.3"), Member("10.0.0.3")})},
       Code::kInvalid},
      {"an element that is there", {add("peers", {Member("10.0.0.1")})}, Code::kInvalid},
      {"an element gone and back",
       {remove("peers", {Member("10.0.0.1")}), add("peers", {Member("10.0.0.1")})},
       Code::kOk},
      {"up to the size", {add("peers", {Member("10.0.0.3"), Member("10.0.0.4")})}, Code::kOk},
      {"beyond the size",
       {add("peers", {Member("10.0.0.3"), Member("10.0.0.4"), Member("10.0.0.5")})},
       Code::kFull},
      {"room made first",
       {remove("peers", {Member("10.0.0.1")}),
        add("peers", {Member("10.0.0.3"), Member("10.0.0.4"), Member("10.0.0.5")})},
       Code::kOk},
      {"an element that is not there", {remove("peers", {Member("10.0.0.3")})}, Code::kNotFound},
      {"elements of no set", {add("nosuch", {Member("10.0.0.3")})}, Code::kNotFound},
      {"another type of key",
       {AddElements{"peers", {Field::kInetService}, false, {{ServiceKey(80), "", {}}}}},
       Code::kInvalid},
      {"a verdict in a plain set", {add("peers", {To("10.0.0.3", Verdict{})})}, Code::kInvalid},
      {"no verdict in a map", {add("map", {Member("10.0.0.3")})}, Code::kInvalid},
      {"a verdict to no chain", {add("map", {To("10.0.0.3", GoTo("nosuch"))})}, Code::kNotFound},
      {"a verdict to a base chain",
       {add("map", {To("10.0.0.3", GoTo("forward"))})},
       Code::kUnsupported},
      {"another verdict for a key", {add("map", {To("10.1.0.5", Verdict{})})}, Code::kInvalid},
      {"an interval beside", {ports({Ports(91, 95)})}, Code::kOk},
      {"an interval at the end", {ports({Ports(91, 65535)})}, Code::kOk},
      {"an interval inside", {ports({Ports(82, 85)})}, Code::kInvalid},
      {"an interval around", {ports({Ports(70, 100)})}, Code::kInvalid},
      {"an interval across the start", {ports({Ports(70, 80)})}, Code::kInvalid},
      {"an interval across the end", {ports({Ports(90, 100)})}, Code::kInvalid},
      {"a set that is there", {AddSet{MakeSet("peers", kIpv4)}}, Code::kInvalid},
      {"a used set away", {DeleteSet{"peers"}}, Code::kBusy},
      {"a used map away", {DeleteSet{"map"}}, Code::kBusy},
      {"an idle set away", {DeleteSet{"idle-set"}}, Code::kOk},
      {"no set away", {DeleteSet{"nosuch"}}, Code::kNotFound},
      {"a set away with its rule", {SetRules{"class", {}}, DeleteSet{"peers"}}, Code::kOk},
      {"a set away before its rule", {DeleteSet{"peers"}, SetRules{"class", {}}}, Code::kBusy},
      {"a chain that is there", {AddChain{"pod", std::nullopt}}, Code::kInvalid},
      {"a base chain that is there",
       {AddChain{"forward", BaseHook{Hook::kForward, -5}}},
       Code::kInvalid},
      {"an idle chain away", {DeleteChain{"idle-chain"}}, Code::kOk},
      {"a chain used by a rule away", {DeleteChain{"class"}}, Code::kBusy},
      {"a chain used by an element away", {DeleteChain{"pod"}}, Code::kBusy},
      {"a chain away with its element",
       {remove("map", {Member("10.1.0.5")}), DeleteChain{"pod"}},
       Code::kOk},
      {"a chain with rules away",
       {remove("map", {Member("10.1.0.5")}), DeleteChain{"pod"}, DeleteChain{"class"}},
       Code::kOk},
      {"a base chain away", {DeleteChain{"forward"}}, Code::kOk},
      {"rules of no chain", {SetRules{"nosuch", {Match1(MatchProtocol{kTcp})}}}, Code::kNotFound},
      {"a rule with no set",
       {SetRules{"class", {Match1(MatchAddressSet{Side::kSource, Family::kIPv4, "nosuch"})}}},
       Code::kNotFound},
      {"a rule with no counter", {SetRules{"class", {unknown_counter}}}, Code::kNotFound},
      {"a rule to no chain", {SetRules{"class", {Jump("nosuch")}}}, Code::kNotFound},
      {"a rule to a base chain", {SetRules{"class", {Jump("forward")}}}, Code::kUnsupported},
      {"verdicts from a plain set",
       {SetRules{"class", {Rule{{}, {}, VmapAddress{Side::kSource, Family::kIPv4, "peers"}, ""}}}},
       Code::kInvalid},
      {"a loop", {SetRules{"class", {Jump("pod")}}}, Code::kInvalid},
      {"a loop into itself", {SetRules{"class", {Jump("class")}}}, Code::kInvalid},
      {"a loop through a map",
       {SetRules{"class", {Rule{{}, {}, VmapAddress{Side::kSource, Family::kIPv4, "map"}, ""}}}},
       Code::kInvalid},
      {"a loop where no packet comes",
       {SetRules{"idle-chain", {Jump("idle-chain")}}, AddChain{"to-it", std::nullopt},
        SetRules{"to-it", {Jump("idle-chain")}}},
       checks_jumps_at_once ? Code::kInvalid : Code::kOk},
      {"a loop that a later flush opens",
       {SetRules{"class", {Jump("pod")}}, SetRules{"idle-chain", {Jump("pod")}}, FlushChain{"pod"}},
       checks_jumps_at_once ? Code::kInvalid : Code::kOk},
      {"a loop that an earlier flush opened",
       {FlushChain{"pod"}, SetRules{"class", {Jump("pod")}}, SetRules{"idle-chain", {Jump("pod")}}},
       Code::kOk},
      {"an element that leads back until a later flush",
       {add("map", {To("10.1.0.9", GoTo("class"))}),
        SetRules{"class", {Rule{{}, {}, VmapAddress{Side::kSource, Family::kIPv4, "map"}, ""}}},
        SetRules{"idle-chain", {Jump("class")}}, FlushChain{"class"}},
       checks_jumps_at_once ? Code::kInvalid : Code::kOk},
      {"a set away with a flush", {FlushChain{"class"}, DeleteSet{"peers"}}, Code::kOk},
      {"a flush of no chain", {FlushChain{"nosuch"}}, Code::kNotFound},
      {"15 chains deep", ChainRow(15), Code::kOk},
      {"16 chains deep", ChainRow(16), Code::kInvalid},
      {"a used counter away", {DeleteCounter{"used"}}, Code::kBusy},
      {"an idle counter away", {DeleteCounter{"idle"}}, Code::kOk},
      {"a counter that is there", {AddCounter{"idle"}}, Code::kInvalid},
      {"the table again", {AddTable{"other comment"}}, Code::kOk},
      {"the table away and back", {DeleteTable{}, AddTable{"new"}}, Code::kOk},
      {"the table away twice", {DeleteTable{}, DeleteTable{}}, Code::kNotFound},
      {"an empty step", {}, Code::kOk},
      {"a name that is too long", {AddCounter{std::string(256, 'n')}}, Code::kInvalid},
      {"the longest name", {AddCounter{std::string(255, 'n')}}, Code::kOk},
      {"a comment that is too long",
       {SetRules{"class", {Rule{{}, {}, Verdict{}, std::string(129, 'c')}}}},
       Code::kInvalid},
      {"the longest comment",
       {SetRules{"class", {Rule{{}, {}, Verdict{}, std::string(128, 'c')}}}},
       Code::kOk},
      {"a rule for two families",
       {SetRules{"class",
                 {Rule{{MatchFamily{Family::kIPv4}, MatchFamily{Family::kIPv6}}, {}, {}, ""}}}},
       Code::kInvalid},
  };
}

TEST(FakeKernelTest, SaysYesAndNo) {
  for (const bool at_once : {false, true}) {
    for (const Case& c : Cases(at_once)) {
      FakeKernel kernel;
      kernel.checks_jumps_at_once = at_once;
      ASSERT_TRUE(CommitAll(&kernel, Diff(nullptr, Base())).ok());
      const Ruleset before = *kernel.Read("podgate").value();
      const Status status = kernel.Commit({Phase::kFlip, "podgate", c.operations});
      EXPECT_EQ(status.code(), c.expected) << c.name << ": " << status.message();
      if (!status.ok()) {
        EXPECT_EQ(*kernel.Read("podgate").value(), before) << c.name;
      }
    }
  }
}

TEST(FakeKernelTest, InjectedFaultChangesNothing) {
  FakeKernel kernel;
  int left = 1;
  kernel.before_commit = [&](const Step&) {
    return left-- > 0 ? Status() : Status(Code::kOverrun, "injected");
  };
  EXPECT_EQ(CommitAll(&kernel, Diff(nullptr, Base())).code(), Code::kOverrun);
  EXPECT_EQ(kernel.committed.size(), 1u);
  EXPECT_EQ(kernel.Generation().value(), 2u);
  kernel.before_commit = nullptr;
  const Ruleset half = *kernel.Read("podgate").value();
  ASSERT_TRUE(CommitAll(&kernel, Diff(&half, Base())).ok());
  EXPECT_TRUE(SameForKernel(*kernel.Read("podgate").value(), Base()));
}

TEST(FakeKernelTest, HasNoTableAtFirstAndNoneAfterItsDeletion) {
  FakeKernel kernel;
  EXPECT_FALSE(kernel.Read("podgate").value().has_value());
  EXPECT_TRUE(kernel.Commit({Phase::kFlip, "podgate", {DeleteTable{}}}).IsNotFound());
  ASSERT_TRUE(CommitAll(&kernel, Diff(nullptr, Base())).ok());
  ASSERT_TRUE(kernel.Commit({Phase::kFlip, "podgate", {DeleteTable{}}}).ok());
  EXPECT_FALSE(kernel.Read("podgate").value().has_value());
}

class DifferentialTest : public RealKernelTest {};

TEST_F(DifferentialTest, TheKernelAgreesOnEveryCase) {
  for (const Case& c : Cases(ChecksJumpsAtOnce())) {
    EnterNewNamespace();
    ASSERT_TRUE(Bring(Base()).ok());
    const Status status = kernel()->Commit({Phase::kFlip, "podgate", c.operations});
    EXPECT_EQ(status.code(), c.expected) << c.name << ": " << status.message();
  }
}

// Steps of random changes, all in one, some left out and some in another order.
TEST_F(DifferentialTest, TheKernelAgreesOnRandomSteps) {
  const std::uint32_t seed = SeedOf(21);
  RandomRuleset random(seed);
  std::mt19937 shuffle(seed);
  const bool at_once = ChecksJumpsAtOnce();
  int accepted = 0;
  int stricter = 0;
  constexpr int kTrials = 300;
  for (int i = 0; i < kTrials; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", trial " << i);
    const Ruleset from = random.Make();
    EnterNewNamespace();
    FakeKernel fake;
    fake.checks_jumps_at_once = at_once;
    ASSERT_TRUE(CommitAll(&fake, Diff(nullptr, from)).ok());
    ASSERT_TRUE(Bring(from).ok());

    Step step{Phase::kFlip, "podgate", {}};
    for (const Step& part : Diff(&from, random.Change(from))) {
      for (const Operation& operation : part.operations) {
        if (random.Below(12) != 0) step.operations.push_back(operation);
      }
    }
    if (random.Below(3) == 0) std::shuffle(step.operations.begin(), step.operations.end(), shuffle);

    const Status expected = fake.Commit(step);
    const Status actual = kernel()->Commit(step);
    // The kernel compares the lengths of keys, not their types, and takes a start of an interval
    // alone; it may then find something else wrong, or nothing.
    if (expected.message().find("considers it invalid") != std::string::npos) {
      ++stricter;
      continue;
    }
    ASSERT_EQ(actual.code(), expected.code())
        << "kernel: " << actual.message() << "\nfake: " << expected.message() << "\n"
        << Print(std::vector<Step>{step}) << "\nbefore:\n"
        << Print(from);
    if (!actual.ok()) continue;
    ++accepted;
    ASSERT_EQ(DifferenceText(ReadBack(), *fake.Read("podgate").value()), "same");
  }
  std::cout << accepted << " of " << kTrials << " steps accepted, " << stricter
            << " with a mistake that only the fake kernel names\n";
  EXPECT_GT(accepted, kTrials / 10);
  EXPECT_LT(stricter, kTrials / 10);
}

}  // namespace
}  // namespace podgate::nft
