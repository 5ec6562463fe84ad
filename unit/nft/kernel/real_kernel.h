// A fresh network namespace for each test, with a Kernel on it and the nft program beside it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "nft/kernel/kernel.h"

namespace podgate::nft {

// Tests that need the real kernel derive from this. Where a namespace cannot be made the test says
// why and is skipped; with CI set in the environment it fails.
class RealKernelTest : public testing::Test {
 protected:
  void SetUp() override;

  // A new empty namespace for the rest of the test; kernel() is then on that one.
  void EnterNewNamespace();
  Kernel* kernel() { return kernel_.get(); }

  // What the kernel holds; fails the test when there is no table or it cannot be read.
  Ruleset ReadBack(const std::string& table = "podgate");
  // Commits all of Diff(what the kernel holds, desired).
  Status Bring(const Ruleset& desired);

  // Whether this kernel is one of those of FakeKernel::checks_jumps_at_once. In a new namespace.
  bool ChecksJumpsAtOnce();
  // Whether the kernel's refusal of an element points at the set where there is no such set; older
  // ones point at the element. In a new namespace.
  bool BlamesMissingSets();

  // Loads the text with `nft -f`; returns what it said, empty when it was content.
  static std::string LoadWithNft(const std::string& text);
  static std::string ListWithNft(const std::string& table = "podgate");
  // Any nft command line.
  static std::string RunNft(const std::string& arguments);

 private:
  std::unique_ptr<Kernel> kernel_;
};

// "same", or what differs, as text to be read in a failure.
std::string DifferenceText(const Ruleset& actual, const Ruleset& expected);

}  // namespace podgate::nft
