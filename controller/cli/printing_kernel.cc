#include "controller/cli/printing_kernel.h"

#include "nft/text/print.h"

namespace podgate::controller {

void PrintingKernel::BeginChange(std::size_t steps) {
  steps_ = steps;
  number_ = 0;
}

nft::Status PrintingKernel::Commit(const nft::Step& step) {
  const std::string text = nft::Print(step, ++number_, steps_);
  ++generation_;
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size() || std::fflush(out_) != 0) {
    return {nft::Status::Code::kOther, "cannot write the changes to standard output"};
  }
  return {};
}

}  // namespace podgate::controller
