#include "controller/agent/attribution.h"

#include <fmt/format.h>

#include <algorithm>

namespace podgate::controller {
namespace {

// More are not worth naming.
constexpr std::size_t kMost = 4;

}  // namespace

void Attribution::Add(const std::vector<nft::Monitor::Transaction>& heard) {
  for (const nft::Monitor::Transaction& transaction : heard) {
    ++transactions_;
    const auto same = [&](const nft::Monitor::Transaction& other) {
      return other.process_id == transaction.process_id &&
             other.process_name == transaction.process_name;
    };
    heard_.erase(std::remove_if(heard_.begin(), heard_.end(), same), heard_.end());
    if (heard_.size() == kMost) {
      heard_.erase(heard_.begin());
      transactions_ = 0;  // no longer known by name, which "or another" says
    }
    heard_.push_back(transaction);
  }
}

void Attribution::Clear() {
  heard_.clear();
  transactions_ = 0;
}

std::string Attribution::ToString(std::uint32_t generation_before,
                                  std::uint32_t generation_now) const {
  if (heard_.empty()) return "unknown";
  std::string text;
  for (const nft::Monitor::Transaction& transaction : heard_) {
    if (!text.empty()) text += " or ";
    text += fmt::format("{} (pid {})", transaction.process_name, transaction.process_id);
  }
  if (transactions_ < generation_now - generation_before) text += " or another";
  return text;
}

}  // namespace podgate::controller
