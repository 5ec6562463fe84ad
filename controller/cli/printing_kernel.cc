#include "controller/cli/printing_kernel.h"

#include "nft/text/print.h"

namespace podgate::controller {

nft::Status PrintingKernel::Commit(const nft::Step& step) {
  const std::string text = nft::Print(std::vector<nft::Step>{step});
  ++generation_;
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size() || std::fflush(out_) != 0) {
    return {nft::Status::Code::kOther, "cannot write to standard output"};
  }
  return {};
}

}  // namespace podgate::controller
