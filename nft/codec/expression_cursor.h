// Reads the expressions of a rule one by one. Each Take…() takes the next expression (or two) if it
// has exactly the form asked for, and otherwise leaves the place as it is and returns false.
// Internal to nft/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nft/codec/netlink_handles.h"
#include "nft/model/ruleset.h"

namespace podgate::nft {

// Something loaded into a register.
struct Load {
  enum Source { kFamily, kProtocol, kUser, kPayload } source = kPayload;
  std::uint32_t base = 0;  // the rest: kPayload only
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t to = 0;  // register
};

class ExpressionCursor {
 public:
  using Position = std::size_t;

  explicit ExpressionCursor(const nftnl_rule* rule);

  bool AtEnd() const { return at_ == expressions_.size(); }
  Position position() const { return at_; }
  void Seek(Position position) { at_ = position; }

  // The next expression is of the kind; is a load from that header.
  bool Is(const char* name) const;
  bool LoadsFrom(std::uint32_t payload_base) const;

  bool TakeLoad(Load* load);
  bool TakeCtState(std::uint32_t to);
  // Comparison with what register 1 holds.
  bool TakeCompare(std::uint32_t op, std::string* data);
  // First and last of a range that register 1 is compared with, however it is written.
  bool TakeRange(std::string* first, std::string* last);
  // Register 1 masked in place.
  bool TakeMask(std::string* mask);
  // A look-up of `from`, for a verdict or as a match.
  bool TakeLookup(std::uint32_t from, bool verdict, std::string* set);
  bool TakeCounter(std::string* name);
  bool TakeLimit(LimitRate* limit);
  bool TakeLog(LogGroup* log);
  // By a TCP reset, or with icmpx admin-prohibited.
  bool TakeReject(bool reset);
  bool TakeVerdict(Verdict* verdict);

 private:
  // The next expression if it is of the kind, else nullptr.
  const nftnl_expr* Next(const char* name) const;

  std::vector<const nftnl_expr*> expressions_;
  std::size_t at_ = 0;
};

}  // namespace podgate::nft
