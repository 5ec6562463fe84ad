#include "unit/nft/kernel/real_kernel.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "nft/kernel/netlink.h"
#include "nft/model/compare.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"

namespace podgate::nft {
namespace {

// Empty, or why this process cannot have a network namespace of its own.
std::string EnterNamespace() {
  if (unshare(CLONE_NEWNET) == 0) return "";
  const int error = errno;
  return std::string("cannot make a network namespace: ") + std::strerror(error);
}

std::string RunCommand(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  char buffer[65536];
  std::size_t bytes = 0;
  while ((bytes = fread(buffer, 1, sizeof buffer, pipe)) > 0) output.append(buffer, bytes);
  const int status = pclose(pipe);
  if (status != 0) output += "\n(exit status " + std::to_string(WEXITSTATUS(status)) + ")";
  return output;
}

}  // namespace

void RealKernelTest::SetUp() {
  if (std::getenv("PODGATE_EMULATED") != nullptr) {
    GTEST_SKIP() << "the emulator of another architecture's programs knows no NETLINK_NETFILTER";
  }
  std::string problem = EnterNamespace();
  if (problem.empty()) {
    const std::string version = RunCommand("nft --version");
    if (version.find("nftables v") == std::string::npos) problem = "no nft program: " + version;
  }
  if (!problem.empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << problem;
    GTEST_SKIP() << problem;
  }
  EnterNewNamespace();
}

void RealKernelTest::EnterNewNamespace() {
  ASSERT_EQ(EnterNamespace(), "");
  auto opened = OpenNetlink();
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  kernel_ = std::move(opened).value();
}

Ruleset RealKernelTest::ReadBack(const std::string& table) {
  const auto read = kernel_->Read(table);
  if (!read.ok()) {
    ADD_FAILURE() << read.status().message();
    return {};
  }
  if (!read.value()) {
    ADD_FAILURE() << "there is no table " << table;
    return {};
  }
  return *read.value();
}

Status RealKernelTest::Bring(const Ruleset& desired) {
  const auto read = kernel_->Read(desired.table);
  if (!read.ok()) return read.status();
  return CommitAll(kernel_.get(), Diff(read.value() ? &*read.value() : nullptr, desired));
}

bool RealKernelTest::ChecksJumpsAtOnce() {
  EnterNewNamespace();
  const auto jump = [](const std::string& from, const std::string& to) {
    return SetRules{from, {Rule{{}, {}, Verdict{Verdict::Kind::kJump, to}, ""}}};
  };
  // In chains that no packet reaches.
  const Status status =
      kernel_->Commit({Phase::kPrepare,
                       "probe",
                       {AddTable{}, AddChain{"a", {}}, AddChain{"b", {}}, AddChain{"c", {}},
                        jump("a", "b"), jump("b", "a"), jump("c", "a")}});
  EXPECT_TRUE(status.ok() || status.code() == Status::Code::kInvalid) << status.message();
  return !status.ok();
}

bool RealKernelTest::BlamesMissingSets() {
  EnterNewNamespace();
  const Element element{AddressKey(*ipset::Address::Parse("10.0.0.9")), "", {}};
  const Status status =
      kernel_->Commit({Phase::kPrepare,
                       "probe",
                       {AddTable{}, AddElements{"nosuch", {Field::kIpv4Addr}, false, {element}}}});
  EXPECT_TRUE(status.IsNotFound()) << status.message();
  return status.message().find("10.0.0.9") == std::string::npos;
}

std::string RealKernelTest::LoadWithNft(const std::string& text) {
  std::string name = testing::TempDir() + "podgate-nft-XXXXXX";
  const int fd = mkstemp(name.data());
  if (fd < 0) return "mkstemp failed";
  close(fd);
  std::ofstream(name) << text;
  const std::string said = RunCommand("nft -f " + name);
  unlink(name.c_str());
  return said;
}

std::string RealKernelTest::ListWithNft(const std::string& table) {
  return RunNft("list table inet " + table);
}

std::string RealKernelTest::RunNft(const std::string& arguments) {
  return RunCommand("nft " + arguments);
}

std::string DifferenceText(const Ruleset& actual, const Ruleset& expected) {
  if (SameForKernel(actual, expected)) return "same";
  const std::string a = Print(actual);
  const std::string e = Print(expected);
  std::size_t at = 0;
  while (at < a.size() && at < e.size() && a[at] == e[at]) ++at;
  const std::size_t from = at < 300 ? 0 : at - 300;
  return "actual …" + a.substr(from, 800) + "\n----- expected …" + e.substr(from, 800);
}

}  // namespace podgate::nft
