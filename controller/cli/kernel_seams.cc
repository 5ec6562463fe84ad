#include "controller/cli/kernel_seams.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "controller/cli/printing_kernel.h"
#include "nft/kernel/chain_list.h"
#include "nft/kernel/counters.h"
#include "nft/kernel/netlink.h"

namespace podgate::controller {

nft::Result<std::unique_ptr<nft::Kernel>> OpenKernel(bool dry_run, Logger* log) {
  auto real = nft::OpenNetlink();
  if (!dry_run) return real;
  std::optional<nft::Ruleset> start;
  if (real.ok()) {
    auto table = real.value()->Read(nft::Ruleset().table);
    if (table.ok()) start = std::move(table).value();
  } else {
    log->Info(LogMessages::kDryRunWithoutTable, {{"reason", real.status().message()}});
  }
  return std::unique_ptr<nft::Kernel>(std::make_unique<PrintingKernel>(stdout, std::move(start)));
}

nft::Status RemoveTable(nft::Kernel* kernel, nft::TableFamily family) {
  nft::Step step;
  step.phase = nft::Phase::kSweep;
  step.family = family;
  step.table = nft::Ruleset().table;
  step.operations.emplace_back(nft::DeleteTable{});
  nft::Status status = kernel->Commit(step);
  const bool impossible =
      family == nft::TableFamily::kNetdev && status.code() == nft::Status::Code::kUnsupported;
  return status.IsNotFound() || impossible ? nft::Status() : status;
}

bool PrepareSourceGuard(bool wanted, nft::Kernel* kernel, Logger* log) {
  if (!wanted) {
    const nft::Status status = RemoveTable(kernel, nft::TableFamily::kNetdev);
    if (!status.ok()) log->Error(LogMessages::kSourceGuardStays, {{"reason", status.message()}});
    return false;
  }
  nft::Step trial;
  trial.family = nft::TableFamily::kNetdev;
  trial.table = nft::Ruleset().table + "-trial";
  const nft::BaseHook hook{.hook = nft::Hook::kIngress, .device = "lo"};
  trial.operations = {nft::AddTable{}, nft::AddChain{"trial", hook}, nft::DeleteTable{}};
  const nft::Status status = kernel->Commit(trial);
  if (!status.ok()) log->Error(LogMessages::kNoSourceGuard, {{"reason", status.message()}});
  return status.ok();
}

std::unique_ptr<nft::Monitor> OpenCommitMonitor(bool dry_run, Logger* log) {
  if (dry_run) return nullptr;
  auto monitor = nft::OpenMonitor();
  if (monitor.ok()) return std::move(monitor).value();
  log->Warn(LogMessages::kNoMonitor, {{"reason", monitor.status().message()}});
  return nullptr;
}

DeniedPackets::ReadCounter OpenCounters(bool dry_run) {
  if (dry_run) return [](nft::TableFamily, const std::string&) { return std::nullopt; };
  return [reader = std::shared_ptr<nft::CounterReader>()](
             nft::TableFamily family,
             const std::string& name) mutable -> std::optional<std::uint64_t> {
    if (!reader) {
      auto opened = nft::CounterReader::Open();
      if (!opened.ok()) return std::nullopt;
      reader = std::move(opened).value();
    }
    const auto value = reader->Read(nft::Ruleset().table, name, family);
    if (!value.ok()) return std::nullopt;
    return value.value() ? value.value()->packets : 0;
  };
}

KernelParts::AskConntrack AskOver(
    std::function<nft::Result<std::unique_ptr<nft::Conntrack>>()> open) {
  return [open = std::move(open), conntrack = std::shared_ptr<nft::Conntrack>()]() mutable {
    if (!conntrack) {
      auto opened = open();
      if (!opened.ok()) return opened.status();
      conntrack = std::move(opened).value();
    }
    const ipset::Address nobody = ipset::Address::First(ipset::Family::kIPv4);
    return conntrack->Find(nft::kTcp, {.source = nobody, .destination = nobody}, 0).status();
  };
}

OtherRulesWatch::List ListChains() {
  return [lister = std::shared_ptr<nft::ChainLister>()]() mutable
         -> nft::Result<std::vector<nft::ListedChain>> {
    if (!lister) {
      auto opened = nft::ChainLister::Open();
      if (!opened.ok()) return opened.status();
      lister = std::move(opened).value();
    }
    return lister->List();
  };
}

}  // namespace podgate::controller
