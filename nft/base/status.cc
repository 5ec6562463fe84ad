#include "nft/base/status.h"

namespace podgate::nft {

const std::string& Status::message() const {
  static const std::string kNone;
  return rep_ ? rep_->message : kNone;
}

}  // namespace podgate::nft
