// Sees to it that the packets of this node's pods meet the rules: turns on the own br_netfilter
// switch of each bridge that pods are attached to, and says for which pods nothing can be enforced.
// Other bridges of the node, as libvirt's, LXD's and docker's, stay as they are. Whatever it finds,
// what can be enforced is.
//
// A thread of its own looks when the pods change, every half second while a bridge has pods (one
// small file for a family, one question for a bridge), every second while something is wrong, and
// once a minute at all. Pods come from the loop's thread, the report goes to any.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/incremental/pipeline.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/node/attachment.h"
#include "controller/node/node_links.h"
#include "controller/watch/cluster_event.h"

namespace podgate::controller {

class BridgeGuard {
 public:
  using Pods = std::vector<compiler::Pipeline::LocalPod>;

  // A pod that starts has its address before the way there, and one that ends still has it
  // afterwards.
  static constexpr std::chrono::seconds kGrace{15};

  // More than any kubelet runs. Of the others a server could tell without end, and they are not
  // looked at.
  static constexpr std::size_t kMaxPods = 2048;

  // `may_set`: it may turn on the bridges' own switches. `links` is used by the thread of Run()
  // alone. `events`: nullptr when the cluster is not told.
  BridgeGuard(bool may_set, NodeLinks* links, Clock* clock, Logger* log,
              EventSink* events = nullptr)
      : may_set_(may_set), links_(links), clock_(clock), log_(log), events_(events) {}

  // Until Stop(), which may be called from any thread.
  void Run();
  void Stop();
  // All pods of this node that have addresses. Any thread; never waits for a look.
  void SetPods(Pods pods);
  // Bridges (by the index of the link) that pods use with addresses beside those of their statuses,
  // and for which family. Any thread.
  void SetFurtherUse(std::set<std::pair<int, ipset::Family>> bridges);

  struct Report {
    bool looked = false;                  // there is something to report
    std::vector<std::string> problems{};  // sentences: packets between pods that bypass the rules
    // Sentences, or empty: pods for which nothing can be enforced, and bridges that only further
    // addresses bring into use. The agent is ready all the same: whoever may make one such pod, or
    // is root in one, must not be able to hold up the update of all agents.
    std::string note{};
    std::size_t unpoliced_pods = 0;  // whose statuses tell addresses that these are about
  };
  Report report() const;

  // One look at what is due; the time of the next. For Run() and for tests.
  Clock::Time Look();

 private:
  struct PodAddress {  // one address of a pod; by it in addresses_
    compiler::ObjectKey pod{};
    std::string uid{};
    Attachment attachment{};
    bool looked = false;
    Clock::Time elsewhere_since{};
    bool told = false;  // that nothing can be enforced for it
  };
  struct Bridge {  // that pods are attached to, for one family
    std::string name{};
    bool on = false;        // its own switch
    bool was_on = false;    // the same at the end of the look before
    bool told = false;      // pods' statuses tell addresses on it; else only namespaces hold some
    bool bypassed = false;  // a problem is about this one
  };
  struct FilterState {                // of a family
    std::map<int, Bridge> bridges{};  // by the index of the link
    std::string problem{};            // of bridges with addresses that statuses tell
    std::string further_problem{};    // of the others
    Clock::Time tell_further{};       // not before then again, whatever pods do
    bool told = false;
    Clock::Time tell_again{};
    bool unreadable = false;  // nobody knows whether packets are filtered
  };
  static std::size_t PlaceOf(ipset::Family family) {
    return family == ipset::Family::kIPv4 ? 0 : 1;
  }

  void TakePods(Pods pods);
  void ForgetLostBridges();
  const Link* LinkOf(int index);  // nullptr: not to be had
  void LookAt(const ipset::Address& address, PodAddress* known);
  void FindBridges();
  nft::Status TurnOn(ipset::Family family);
  void SeeToFilter(ipset::Family family);
  std::string WhyBypassed(ipset::Family family, const BridgeFilter& sysctl,
                          const nft::Status& refusal, bool told) const;
  void TellElsewhere(const ipset::Address& address, const PodAddress& known);
  void Tell(ipset::Family family);
  void TellFurther(ipset::Family family);
  void MakeReport();

  const bool may_set_;
  NodeLinks* const links_;
  Clock* const clock_;
  Logger* const log_;
  EventSink* const events_;

  // Of the thread that looks.
  std::map<std::pair<ipset::Address, compiler::ObjectKey>, PodAddress> addresses_;
  std::map<int, std::optional<Link>> seen_;  // links, in this look
  std::array<FilterState, 2> filters_;
  Clock::Time next_look_at_all_;
  Clock::Time next_look_at_bad_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  std::optional<Pods> new_pods_;
  std::set<std::pair<int, ipset::Family>> further_use_;
  bool use_changed_ = false;  // since the last look
  Report report_;
};

}  // namespace podgate::controller
