// `podgate wait-daemonset NAMESPACE/NAME`: returns when a DaemonSet's pods are ready on all of its
// nodes. The chart's cleanup hook needs it: helm waits for jobs, never for a DaemonSet, and the
// image holds no other program that could.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/transport/transport.h"

namespace podgate::controller {

struct DaemonSetWait {
  std::string name_space;
  std::string name;
  std::chrono::seconds timeout{240};
};

// "NAMESPACE/NAME", both as Kubernetes allows them. nullopt: it is not.
std::optional<DaemonSetWait> ParseDaemonSetName(std::string_view text);

struct DaemonSetProgress {
  bool current = false;  // the status is of the spec that stands there now
  int wanted = 0;        // nodes
  int ready = 0;
  bool done() const { return current && ready >= wanted; }
};

// From a DaemonSet as JSON. nullopt: this is none.
std::optional<DaemonSetProgress> ReadProgress(std::string_view json);

// Asks twice a second, through every error: rights that have just been given take a moment to
// arrive. kExitOk; after the timeout kExitNegative, with what was missing last in a sentence on
// `err`.
int AwaitDaemonSet(const DaemonSetWait& wait, HttpTransport* transport, Clock* clock,
                   std::ostream& err);

// The same with the service account of this pod.
int AwaitDaemonSet(const DaemonSetWait& wait);

}  // namespace podgate::controller
