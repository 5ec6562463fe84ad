// The pipeline against compiling from scratch: after every step, whatever the way that led there,
// the ruleset is the same byte for byte, and the change that the step tells of is the difference of
// the two rulesets, no more and no less.
#include "compiler/incremental/pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/compiler/support/manifest.h"
#include "unit/compiler/support/random_cluster.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using namespace test;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSequences = 60;  // sanitized code is some ten times slower
#else
constexpr std::uint64_t kSequences = 600;
#endif

struct PodGone {
  ObjectKey key;
};
struct NamespaceGone {
  std::string name;
};
struct PolicyGone {
  ObjectKey key;
};
using Event = std::variant<Pod, Namespace, NetworkPolicy, PodGone, NamespaceGone, PolicyGone>;

// One cluster, kept twice.
class Twins {
 public:
  Twins(std::string node, const CompileOptions& options)
      : node_(std::move(node)), options_(options), pipeline_(node_, options), seen_(Scratch()) {
    pipeline_.Update();
  }

  void Tell(const Event& event) {
    if (const auto* pod = std::get_if<Pod>(&event)) {
      cluster_.pods[pod->key] = *pod;
      pipeline_.Put(*pod);
    } else if (const auto* ns = std::get_if<Namespace>(&event)) {
      cluster_.namespaces[ns->name] = *ns;
      pipeline_.Put(*ns);
    } else if (const auto* policy = std::get_if<NetworkPolicy>(&event)) {
      cluster_.policies[policy->key] = *policy;
      pipeline_.Put(*policy);
    } else if (const auto* pod_gone = std::get_if<PodGone>(&event)) {
      cluster_.pods.erase(pod_gone->key);
      pipeline_.RemovePod(pod_gone->key);
    } else if (const auto* ns_gone = std::get_if<NamespaceGone>(&event)) {
      cluster_.namespaces.erase(ns_gone->name);
      pipeline_.RemoveNamespace(ns_gone->name);
    } else {
      const ObjectKey& key = std::get<PolicyGone>(event).key;
      cluster_.policies.erase(key);
      pipeline_.RemovePolicy(key);
    }
  }

  void Choose(const CompileOptions& options) {
    options_ = options;
    pipeline_.SetOptions(options);
  }

  // Empty, or what is not as it should be.
  std::string Check() {
    const nft::Change change = pipeline_.Update();
    const nft::Ruleset wanted = Scratch();
    if (!(pipeline_.ruleset() == wanted))
      return fmt::format("incremental:\n{}\nfrom scratch:\n{}", nft::Print(pipeline_.ruleset()),
                         nft::Print(wanted));
    if (!(change == nft::Between(seen_, wanted)))
      return "the change told is not the difference:\n" + nft::Print(nft::Diff(&seen_, wanted)) +
             "\nbut\n" + nft::Print(nft::StepsOf(change, wanted));
    if (nft::Print(nft::StepsOf(change, wanted)) != nft::Print(nft::Diff(&seen_, wanted)))
      return "other steps than those of the difference";
    seen_ = wanted;
    return "";
  }

  const Cluster& cluster() const { return cluster_; }
  const Pipeline& pipeline() const { return pipeline_; }

 private:
  nft::Ruleset Scratch() const { return Compile(BuildIr(cluster_, node_), options_); }

  std::string node_;
  CompileOptions options_;
  Cluster cluster_;
  Pipeline pipeline_;
  nft::Ruleset seen_;
};

template <typename Map, typename Same, typename Gone>
void AddEvents(const Map& before, const Map& after, const Same& same, const Gone& gone,
               std::vector<Event>* events) {
  for (const auto& [key, object] : after) {
    const auto known = before.find(key);
    if (known == before.end() || !same(known->second, object)) events->push_back(object);
  }
  for (const auto& [key, object] : before)
    if (!after.contains(key)) events->push_back(gone(key));
}

std::vector<Event> EventsBetween(const Cluster& before, const Cluster& after) {
  const auto equal = [](const auto& a, const auto& b) { return a == b; };
  std::vector<Event> events;
  AddEvents(
      before.pods, after.pods, equal, [](const ObjectKey& key) { return PodGone{key}; }, &events);
  AddEvents(
      before.namespaces, after.namespaces, equal,
      [](const std::string& name) { return NamespaceGone{name}; }, &events);
  AddEvents(
      before.policies, after.policies,
      [](const auto& a, const auto& b) { return PackedPolicy(a) == PackedPolicy(b); },
      [](const ObjectKey& key) { return PolicyGone{key}; }, &events);
  return events;
}

void Shuffle(std::vector<Event>* events, Random* random) {
  for (std::size_t i = events->size(); i > 1; --i)
    std::swap((*events)[i - 1],
              (*events)[static_cast<std::size_t>(random->Below(static_cast<int>(i)))]);
}

// Some events twice, one after the other or later.
void Repeat(std::vector<Event>* events, Random* random) {
  const std::vector<Event> once = *events;
  for (const Event& event : once)
    if (random->Percent(20)) events->push_back(event);
}

TEST(Pipeline, IsWhatCompilingFromScratchGives) {
  const std::uint64_t sequences = FromEnvironment("PODGATE_SEQUENCES", kSequences);
  std::uint64_t checks = 0;
  for (std::uint64_t i = 0; i < sequences; ++i) {
    const std::uint64_t seed = unit::Seed() + i;
    Random random(seed);
    CompileOptions options;
    options.pod_to_node_enforce = random.Percent(20);
    Twins twins(random.Percent(50) ? "n1" : "n2", options);
    std::vector<Cluster> history{Cluster()};
    Cluster wanted = RandomCluster(&random);
    for (int step = 0; step < 12; ++step) {
      const std::string repeat =
          fmt::format("PODGATE_SEED={} PODGATE_SEQUENCES=1 repeats this; step {}\n{}", seed, step,
                      Manifests(wanted));
      if (random.Percent(20)) {
        options.ipvs = random.Percent(50);
        options.log_denied = random.Percent(50);
        options.reject = random.Percent(50);
        options.groups.clear();
        for (const char* group : {"224.0.0.0/3", "ff00::/8", "10.0.0.255/32"})
          if (random.Percent(50)) options.groups.push_back(*ipset::Prefix::Parse(group));
        twins.Choose(options);
      }
      std::vector<Event> events = EventsBetween(twins.cluster(), wanted);
      if (random.Percent(70)) Shuffle(&events, &random);
      if (random.Percent(30)) Repeat(&events, &random);
      const bool one_by_one = random.Percent(50);
      for (const Event& event : events) {
        twins.Tell(event);
        if (!one_by_one && !random.Percent(15)) continue;
        ASSERT_EQ("", twins.Check()) << repeat;
        ++checks;
      }
      ASSERT_EQ("", twins.Check()) << repeat;
      ++checks;
      history.push_back(wanted);
      switch (random.Share({60, 15, 15, 10})) {
        case 0:
          for (int n = random.Between(1, 3); n > 0; --n) RandomChange(&wanted, &random);
          break;
        case 1:  // back to where it was before
          wanted =
              history[static_cast<std::size_t>(random.Below(static_cast<int>(history.size())))];
          break;
        case 2:  // another cluster altogether, of which some objects have the same names
          wanted = RandomCluster(&random);
          break;
        default:  // nothing left
          wanted = Cluster();
      }
    }
  }
  fmt::print("{} sequences, {} comparisons\n", sequences, checks);
}

Pod MakePod(int number, const std::string& node, Labels labels) {
  Pod pod;
  pod.key = {"d", fmt::format("p{:05}", number)};
  pod.uid = fmt::format("{:05}", number);
  pod.node = node;
  pod.labels = std::move(labels);
  pod.addresses = {Address::FromIPv4(0x0a000000u + static_cast<std::uint32_t>(number))};
  return pod;
}

NetworkPolicy AllowApp(const std::string& name) {
  NetworkPolicy policy;
  policy.key = {"d", name};
  PolicyPeer peer;
  peer.pods = LabelSelector{{{"app", Requirement::Operator::kIn, {name}}}};
  PolicyRule rule;
  rule.peers = {peer};
  rule.any_port = true;
  policy.ingress = {rule};
  return policy;
}

// Sets have a size that is theirs for good, told by their names: growing over it and shrinking
// under it makes another set, and rewrites the rules that look it up.
TEST(Pipeline, SetsThatOutgrowTheirSizeAreMadeAnew) {
  Twins twins("n1", {});
  twins.Tell(Namespace{"d", {}});
  twins.Tell(AllowApp("web"));
  twins.Tell(MakePod(1, "n1", {{"app", "db"}}));
  ASSERT_EQ("", twins.Check());
  for (int i = 10; i < 1600; ++i) twins.Tell(MakePod(i, "n2", {{"app", "web"}}));
  ASSERT_EQ("", twins.Check());
  const auto sets = [&] {
    std::string names;
    for (const auto& [name, set] : twins.pipeline().ruleset().sets)
      if (name.starts_with("peers"))
        names += fmt::format("{} of {}\n", set.elements.size(), set.size);
    return names;
  };
  EXPECT_EQ("1590 of 16384\n", sets());
  // The step is crossed and crossed again between two updates: nothing has changed.
  for (int i = 10; i < 1540; ++i) twins.Tell(PodGone{MakePod(i, "", {}).key});
  for (int i = 10; i < 1540; ++i) twins.Tell(MakePod(i, "n2", {{"app", "web"}}));
  ASSERT_EQ("", twins.Check());
  EXPECT_EQ("1590 of 16384\n", sets());
  for (int i = 10; i < 1540; ++i) twins.Tell(PodGone{MakePod(i, "", {}).key});
  ASSERT_EQ("", twins.Check());
  EXPECT_EQ("60 of 1024\n", sets());
}

// One pod that flaps at the edge of a size costs its own elements, not the set's.
TEST(Pipeline, SetsKeepTheirSizeWhenALittleIsGone) {
  Pipeline pipeline("n1", {});
  pipeline.Put(Namespace{"d", {}});
  pipeline.Put(AllowApp("web"));
  pipeline.Put(MakePod(1, "n1", {{"app", "db"}}));
  for (int i = 10; i < 10 + 512; ++i) pipeline.Put(MakePod(i, "n2", {{"app", "web"}}));
  pipeline.Update();
  nft::Ruleset before = pipeline.ruleset();
  for (int flap = 0; flap < 6; ++flap) {
    if (flap % 2 == 0) {
      pipeline.Put(MakePod(9, "n2", {{"app", "web"}}));
    } else {
      pipeline.RemovePod(MakePod(9, "", {}).key);
    }
    const nft::Change change = pipeline.Update();
    EXPECT_EQ(change, nft::Between(before, pipeline.ruleset()));
    before = pipeline.ruleset();
    std::size_t operations = 0;
    for (const nft::Step& step : nft::StepsOf(change, before)) operations += step.operations.size();
    if (flap == 0) {
      EXPECT_GT(operations, 2u) << "it grows";
    } else {
      EXPECT_EQ(operations, 1u);
    }
  }
}

TEST(Pipeline, MoreIsolatedPodsThanTheMapsHold) {
  Twins twins("n1", {});
  NetworkPolicy everybody = AllowApp("web");
  everybody.isolates_egress = true;
  twins.Tell(everybody);
  for (int i = 1; i <= 2048; ++i) twins.Tell(MakePod(i, "n1", {}));
  ASSERT_EQ("", twins.Check());
  EXPECT_TRUE(twins.pipeline().ruleset().sets.contains("ingress4"));
  twins.Tell(MakePod(2049, "n1", {}));
  ASSERT_EQ("", twins.Check());
  EXPECT_TRUE(twins.pipeline().ruleset().sets.contains("ingress4-16384"));
  EXPECT_FALSE(twins.pipeline().ruleset().sets.contains("egress4"));
  twins.Tell(PodGone{MakePod(7, "", {}).key});
  ASSERT_EQ("", twins.Check());
  EXPECT_TRUE(twins.pipeline().ruleset().sets.contains("ingress4"));
}

// More selectors match an identity than it remembers: they are looked for each time.
TEST(Pipeline, APodThatHundredsOfSelectorsMatch) {
  Twins twins("n1", {});
  twins.Tell(Namespace{"d", {{"team", "a"}}});
  twins.Tell(MakePod(1, "n1", {{"app", "db"}}));
  twins.Tell(MakePod(2, "n2", {{"app", "web"}}));
  twins.Tell(MakePod(3, "n2", {{"app", "client"}}));
  ASSERT_EQ("", twins.Check());
  const auto all_but = [](int i) {
    return LabelSelector{{{"app", Requirement::Operator::kNotIn, {fmt::format("app-{}", i)}}}};
  };
  // Each allows what all but one kind of pod send, from the pod's namespace or teams' namespaces.
  for (const int from : {0, 100, 200}) {
    NetworkPolicy policy = AllowApp(fmt::format("many-{}", from));
    for (int i = from; i < from + 100; ++i) {
      PolicyRule rule;
      rule.index = static_cast<std::uint32_t>(policy.ingress.size());
      PolicyPeer peer;
      peer.pods = all_but(i);
      if (i % 3 == 0)
        peer.namespaces = LabelSelector{{{"team", Requirement::Operator::kIn, {"a"}}}};
      rule.peers = {peer};
      rule.ports = {{Protocol::kTcp, static_cast<std::uint16_t>(1 + i), std::nullopt, ""}};
      policy.ingress.push_back(rule);
    }
    twins.Tell(policy);
    ASSERT_EQ("", twins.Check());
  }
  const auto members = [&] {
    std::size_t members = 0;
    for (const auto& [name, set] : twins.pipeline().ruleset().sets)
      if (name.starts_with("peers")) members += set.elements.size();
    return members;
  };
  EXPECT_GT(members(), 600u);
  twins.Tell(MakePod(3, "n2", {{"app", "app-7"}}));
  ASSERT_EQ("", twins.Check());
  twins.Tell(MakePod(4, "n2", {{"app", "app-8"}}));
  twins.Tell(MakePod(3, "n2", {{"app", "web"}}));
  ASSERT_EQ("", twins.Check());
  twins.Tell(Namespace{"d", {{"team", "b"}}});
  ASSERT_EQ("", twins.Check());
  twins.Tell(NamespaceGone{"d"});
  ASSERT_EQ("", twins.Check());
  twins.Tell(Namespace{"d", {{"team", "a"}}});
  ASSERT_EQ("", twins.Check());
  for (const char* policy : {"many-0", "many-200"}) {
    twins.Tell(PolicyGone{{"d", policy}});
    ASSERT_EQ("", twins.Check());
  }
  twins.Tell(PodGone{MakePod(2, "", {}).key});
  twins.Tell(MakePod(5, "n2", {{"app", "web"}}));
  ASSERT_EQ("", twins.Check());
  twins.Tell(PolicyGone{{"d", "many-100"}});
  ASSERT_EQ("", twins.Check());
  EXPECT_EQ(0u, members());
}

Pod At(int number, const std::string& node, Labels labels, const std::string& address) {
  Pod pod = MakePod(number, node, std::move(labels));
  pod.addresses = {*Address::Parse(address)};
  return pod;
}

// Two and three claimants of one address that come, change and go in every order.
TEST(Pipeline, AContestedAddressFollowsAllItsClaimants) {
  const std::vector<Event> events = {
      Namespace{"d", {{"team", "a"}}},           AllowApp("web"),
      At(1, "n1", {{"app", "web"}}, "10.9.0.1"), At(2, "n1", {{"app", "web"}}, "10.9.0.1"),
      At(3, "n2", {{"app", "web"}}, "10.9.0.1"), At(4, "n2", {{"app", "db"}}, "10.9.0.1"),
      At(5, "n1", {{"app", "db"}}, "10.9.0.2"),  At(2, "n1", {{"app", "db"}}, "10.9.0.1"),
      At(2, "n2", {{"app", "web"}}, "10.9.0.1"), At(1, "n1", {{"app", "web"}}, "10.9.0.2"),
      PodGone{MakePod(1, "", {}).key},           PodGone{MakePod(2, "", {}).key},
      PodGone{MakePod(3, "", {}).key},           PolicyGone{{"d", "web"}},
  };
  Random random(unit::Seed());
  for (int round = 0; round < 300; ++round) {
    Twins twins("n1", {});
    std::vector<Event> shuffled = events;
    Shuffle(&shuffled, &random);
    for (const Event& event : shuffled) {
      twins.Tell(event);
      if (!random.Percent(70)) continue;
      ASSERT_EQ("", twins.Check()) << "round " << round;
    }
    ASSERT_EQ("", twins.Check()) << "round " << round;
  }
}

// The namespace of one claimant alone changes what the other may.
TEST(Pipeline, AContestedAddressFollowsTheNamespacesOfItsClaimants) {
  Twins twins("n1", {});
  NetworkPolicy teams = AllowApp("web");
  teams.ingress[0].peers[0].pods.reset();
  teams.ingress[0].peers[0].namespaces =
      LabelSelector{{{"team", Requirement::Operator::kIn, {"a"}}}};
  Pod other = At(2, "n2", {}, "10.9.0.1");
  other.key.ns = "e";
  twins.Tell(teams);
  twins.Tell(At(5, "n1", {}, "10.9.0.2"));
  twins.Tell(At(1, "n2", {}, "10.9.0.1"));
  twins.Tell(other);
  const auto members = [&] {
    std::size_t members = 0;
    for (const auto& [name, set] : twins.pipeline().ruleset().sets)
      if (name.starts_with("peers")) members += set.elements.size();
    return members;
  };
  for (const bool d : {false, true, false}) {
    for (const bool e : {true, false}) {
      twins.Tell(Namespace{"d", {{"team", d ? "a" : "b"}}});
      ASSERT_EQ("", twins.Check());
      twins.Tell(Namespace{"e", {{"team", e ? "a" : "b"}}});
      ASSERT_EQ("", twins.Check());
      EXPECT_EQ(members(), (d ? 1u : 0u) + (d && e ? 1u : 0u));
    }
  }
}

TEST(Pipeline, TellsWhichAddressesAreContested) {
  Pipeline pipeline("n1", {});
  const Address address = *Address::Parse("10.9.0.1");
  pipeline.Put(At(1, "n1", {}, "10.9.0.1"));
  EXPECT_TRUE(pipeline.contested().empty());
  EXPECT_EQ(pipeline.contested_changes(), 0u);
  pipeline.Put(At(2, "n2", {}, "10.9.0.1"));
  EXPECT_EQ(pipeline.contested(), std::set<Address>{address});
  EXPECT_EQ(pipeline.PodsAt(address).size(), 2u);
  const std::uint64_t two = pipeline.contested_changes();
  pipeline.Put(At(3, "n2", {}, "10.9.0.1"));
  EXPECT_GT(pipeline.contested_changes(), two);
  pipeline.RemovePod(MakePod(1, "", {}).key);
  EXPECT_EQ(pipeline.contested().size(), 1u);
  pipeline.RemovePod(MakePod(2, "", {}).key);
  EXPECT_TRUE(pipeline.contested().empty());
}

TEST(Pipeline, HeldIsolationAllowsNothingUntilItIsReleased) {
  Pipeline pipeline("n1", {});
  pipeline.Put(At(1, "n1", {{"app", "web"}}, "10.9.0.1"));
  pipeline.Update();
  const nft::Ruleset open = pipeline.ruleset();
  const ObjectKey pod = MakePod(1, "", {}).key;
  pipeline.HoldIsolation(pod, Direction::kIngress);
  pipeline.Update();
  EXPECT_EQ(pipeline.counts().isolated_pods, 1u);
  EXPECT_EQ(pipeline.ruleset().sets.at("ingress4").elements.size(), 1u);
  EXPECT_EQ(pipeline.ruleset().sets.at("egress4").elements.size(), 0u);
  EXPECT_TRUE(pipeline.ReleaseIsolation("d"));
  EXPECT_FALSE(pipeline.ReleaseIsolation("d"));
  pipeline.Update();
  EXPECT_TRUE(pipeline.ruleset() == open);
  pipeline.HoldIsolation(pod, Direction::kEgress);
  pipeline.RemovePod(pod);
  pipeline.Put(At(1, "n1", {{"app", "web"}}, "10.9.0.1"));
  pipeline.Update();
  EXPECT_TRUE(pipeline.ruleset() == open);
}

TEST(Pipeline, RemembersWhatPodsTellOfNodes) {
  Pipeline pipeline("n1", {});
  const auto at = [](const char* text) { return *Address::Parse(text); };
  const auto put = [&](int number, const char* node, std::vector<Address> hosts) {
    Pod pod = MakePod(number, node, {});
    pod.host_addresses = std::move(hosts);
    const bool changed = pipeline.Put(pod);
    EXPECT_EQ(pod, pipeline.FindPod(pod.key));
    EXPECT_FALSE(pipeline.Put(pod));
    return changed;
  };
  const std::vector<Address> here{at("192.168.0.1"), at("fd01::1")};
  const std::vector<Address> there{at("192.168.0.2")};
  EXPECT_EQ(pipeline.host_changes(), 0u);
  put(1, "n1", {});
  EXPECT_TRUE(pipeline.HostAddresses().empty());
  EXPECT_EQ(pipeline.host_changes(), 0u);
  EXPECT_TRUE(put(1, "n1", here));
  EXPECT_EQ(pipeline.HostAddresses(), here);
  const std::uint64_t one = pipeline.host_changes();
  EXPECT_GT(one, 0u);
  put(2, "n1", here);  // says nothing new
  put(3, "n1", here);
  EXPECT_EQ(pipeline.host_changes(), one);
  put(4, "n3", there);
  put(5, "n2", there);
  put(6, "", here);  // not scheduled: tells of no node
  EXPECT_EQ(pipeline.HostAddresses(), here);
  EXPECT_EQ(pipeline.OtherNodeAt(here), "");
  EXPECT_EQ(pipeline.OtherNodeAt(there), "n2");
  put(3, "n1", {at("192.168.0.3")});  // the node has got another address
  EXPECT_EQ(pipeline.HostAddresses(), (std::vector<Address>{here[0], at("192.168.0.3"), here[1]}));
  const std::uint64_t more = pipeline.host_changes();
  for (const int number : {1, 2}) pipeline.RemovePod(MakePod(number, "n1", {}).key);
  EXPECT_EQ(pipeline.HostAddresses(), (std::vector<Address>{at("192.168.0.3")}));
  EXPECT_EQ(pipeline.host_changes(), more + 1);
  pipeline.RemovePod(MakePod(5, "n2", {}).key);
  EXPECT_EQ(pipeline.OtherNodeAt(there), "n3");
}

TEST(Pipeline, SaysWhetherAnEventChangedAnything) {
  Pipeline pipeline("n1", {});
  const Pod pod = MakePod(1, "n1", {{"app", "web"}});
  EXPECT_TRUE(pipeline.Put(pod));
  EXPECT_FALSE(pipeline.Put(pod));
  EXPECT_TRUE(pipeline.Put(Namespace{"d", {}}));
  EXPECT_FALSE(pipeline.Put(Namespace{"d", {}}));
  EXPECT_TRUE(pipeline.Put(AllowApp("web")));
  EXPECT_FALSE(pipeline.Put(AllowApp("web")));
  EXPECT_EQ(1u, pipeline.counts().pods);
  EXPECT_EQ(1u, pipeline.counts().namespaces);
  EXPECT_EQ(1u, pipeline.counts().policies);
  EXPECT_EQ(pod, pipeline.FindPod(pod.key));
  pipeline.Update();
  EXPECT_EQ(1u, pipeline.counts().isolated_pods);
  EXPECT_TRUE(pipeline.Update().empty());
  EXPECT_TRUE(pipeline.RemovePod(pod.key));
  EXPECT_FALSE(pipeline.RemovePod(pod.key));
  EXPECT_TRUE(pipeline.RemoveNamespace("d"));
  EXPECT_FALSE(pipeline.RemoveNamespace("d"));
  EXPECT_TRUE(pipeline.RemovePolicy({"d", "web"}));
  EXPECT_FALSE(pipeline.RemovePolicy({"d", "web"}));
}

}  // namespace
}  // namespace podgate::compiler
