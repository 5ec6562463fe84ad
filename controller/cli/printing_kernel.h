// The kernel of `run --dry-run`: takes every step, prints it as nft text, and keeps the result to
// itself.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "nft/kernel/kernel.h"

namespace podgate::controller {

class PrintingKernel : public nft::Kernel {
 public:
  // `start`: the table that the real kernel holds, so that only differences are printed.
  PrintingKernel(std::FILE* out, std::optional<nft::Ruleset> start)
      : out_(out), start_(std::move(start)) {}

  nft::Result<std::optional<nft::Ruleset>> Read(nft::TableFamily, const std::string&) override {
    return start_;
  }
  nft::Result<bool> Holds(const nft::Ruleset&) override { return true; }
  void BeginChange(std::size_t steps) override;
  nft::Status Commit(const nft::Step& step) override;
  nft::Status CommitAt(std::uint32_t, const nft::Step& step) override { return Commit(step); }
  nft::Result<std::uint32_t> Generation() override { return generation_; }

 private:
  std::FILE* out_;
  std::optional<nft::Ruleset> start_;
  std::uint32_t generation_ = 1;
  std::size_t number_ = 0;  // of the last step in its change,
  std::size_t steps_ = 0;   // which has so many
};

}  // namespace podgate::controller
