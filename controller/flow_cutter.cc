#include "controller/flow_cutter.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>
#include <variant>

namespace podgate::controller {
namespace {

std::int64_t Microseconds(Clock::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

Clock::Time Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Clock::Duration FlowCutter::ThreadCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

FlowCutter::FlowCutter(Conntrack* conntrack, Logger* log, std::function<void()> wake,
                       std::function<Clock::Duration()> cpu_time)
    : conntrack_(conntrack), log_(log), wake_(std::move(wake)), cpu_time_(std::move(cpu_time)) {}

void FlowCutter::Run() {
  while (WaitForPass()) {
    const Clock::Duration begun = cpu_time_();
    const Pass pass = Walk();
    const Clock::Duration own = cpu_time_() - begun;
    Clock::Duration cost;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      cost = own + std::exchange(judging_, {});
      const bool complete = pass.status.ok() && !pass.stopped;
      schedule_.End(Now(), cost, complete);
      ++(complete ? counters_.passes : counters_.failures);
      counters_.cut += pass.cut.deleted;
      counters_.entries = pass.entries;
      counters_.seals = pass.seals - pass.unsealed + pass.cut.sealed;
      seals_possible_ = counters_.seals > 0 || !complete;
    }
    Report(pass, cost);
  }
}

void FlowCutter::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool FlowCutter::WaitForPass() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (stopped_) return false;
    const Clock::Time next = schedule_.Next();
    if (next == Clock::Time::max()) {
      changed_.wait(lock);
    } else if (next > Now()) {
      changed_.wait_until(lock, next);
    } else {
      schedule_.Begin();
      return true;
    }
  }
}

FlowCutter::Pass FlowCutter::Walk() {
  Pass pass;
  pass.slice.reserve(kSlice);
  if (!Ask({.judged = &pass.filter.judged})) {
    pass.stopped = true;
    return pass;
  }
  auto node = conntrack_->NodeAddresses();
  if (!node.ok()) {
    pass.status = node.status();
    return pass;
  }
  pass.filter.node = std::move(node).value();
  const nft::Status status =
      conntrack_->Walk([&](const nft::Flow& flow) { return Take(flow, &pass); });
  if (pass.status.ok()) pass.status = status;
  if (pass.status.ok() && !pass.stopped) Flush(&pass);
  return pass;
}

bool FlowCutter::Take(const nft::Flow& flow, Pass* pass) {
  ++pass->entries;
  if (!pass->filter.Interesting(flow)) return true;
  nft::FlowQuestion question{flow, pass->filter.HookOf(flow), std::nullopt};
  if (flow.master) {
    auto master =
        conntrack_->Find(flow.master->protocol, flow.master->original, flow.original_zone);
    if (!master.ok()) {
      pass->status = master.status();
      return false;
    }
    // Without it nobody can tell any more what was announced: the flow stands for itself.
    if (master.value()) {
      question.hook = pass->filter.HookOf(*master.value());
      question.master = nft::FirstPacket(*master.value());
    }
  }
  pass->slice.push_back(std::move(question));
  return pass->slice.size() < kSlice || Flush(pass);
}

bool FlowCutter::Flush(Pass* pass) {
  if (pass->slice.empty()) return true;
  if (!Ask({.questions = pass->slice, .verdicts = &pass->verdicts})) {
    pass->stopped = true;
    return false;
  }
  std::vector<nft::Flow> cut;
  std::vector<nft::Flow> unseal;
  for (std::size_t i = 0; i < pass->slice.size(); ++i) {
    nft::Flow& flow = pass->slice[i].flow;
    if (nft::IsSeal(flow)) ++pass->seals;
    if (pass->verdicts[i] == nft::FlowVerdict::kCut) cut.push_back(std::move(flow));
    if (pass->verdicts[i] == nft::FlowVerdict::kUnseal) unseal.push_back(std::move(flow));
  }
  pass->judged += pass->slice.size();
  pass->slice.clear();
  if (!cut.empty()) {
    const auto counts = conntrack_->Cut(cut);
    if (!counts.ok()) {
      pass->status = counts.status();
      return false;
    }
    pass->cut.deleted += counts.value().deleted;
    pass->cut.sealed += counts.value().sealed;
    pass->cut.unsealed += counts.value().unsealed;
  }
  if (!unseal.empty()) {
    const auto deleted = conntrack_->Delete(unseal);
    if (!deleted.ok()) {
      pass->status = deleted.status();
      return false;
    }
    pass->unsealed += unseal.size();
  }
  return true;
}

bool FlowCutter::Ask(const Request& request) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (stopped_) return false;
  request_ = request;
  lock.unlock();
  wake_();
  lock.lock();
  changed_.wait(lock, [this] { return stopped_ || !request_; });
  // Once this returns nothing of the request may be touched any more.
  return !std::exchange(request_, std::nullopt).has_value() && !stopped_;
}

void FlowCutter::PolicyChanged(bool may_deny) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!may_deny && !seals_possible_) return;
  schedule_.Changed(Now(), may_deny ? PassSchedule::Need::kNow : PassSchedule::Need::kSometime);
  changed_.notify_all();
}

void FlowCutter::Serve(const nft::Ruleset& enforced) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!request_) return;
  const Clock::Duration begun = cpu_time_();
  if (request_->judged != nullptr) *request_->judged = nft::JudgedAddresses(enforced);
  if (request_->verdicts != nullptr) {
    const nft::FlowJudge judge(enforced);
    request_->verdicts->clear();
    for (const nft::FlowQuestion& question : request_->questions)
      request_->verdicts->push_back(judge.Judge(question));
  }
  judging_ += cpu_time_() - begun;
  request_.reset();
  changed_.notify_all();
}

FlowCutter::Counters FlowCutter::counters() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

void FlowCutter::Report(const Pass& pass, Clock::Duration cost) {
  if (pass.stopped) return;
  if (!pass.status.ok()) {
    log_->Error("cannot look through the established flows: those that are denied now may live on",
                {{"problem", pass.status.message()},
                 {"cut", pass.cut.deleted},
                 {"retry_ms", std::chrono::milliseconds(PassSchedule::kSettled).count()}});
    return;
  }
  if (pass.cut.unsealed > 0) {
    log_->Warn("flows were cut that their other end may take up again",
               {{"flows", pass.cut.unsealed}});
  }
  if (pass.cut.deleted > 0) {
    log_->Info(
        "cut flows that are denied now",
        {{"flows", pass.cut.deleted}, {"entries", pass.entries}, {"cpu_us", Microseconds(cost)}});
  }
  log_->Debug("looked through the established flows", {{"entries", pass.entries},
                                                       {"judged", pass.judged},
                                                       {"cut", pass.cut.deleted},
                                                       {"sealed", pass.cut.sealed},
                                                       {"unsealed", pass.unsealed},
                                                       {"cpu_us", Microseconds(cost)}});
}

bool MayDeny(const nft::Step& step) {
  return std::any_of(
      step.operations.begin(), step.operations.end(), [](const nft::Operation& operation) {
        if (const auto* add = std::get_if<nft::AddElements>(&operation)) {
          // Of maps; sets hold who is allowed, never who is not.
          return std::any_of(add->elements.begin(), add->elements.end(),
                             [](const nft::Element& e) { return e.verdict.has_value(); });
        }
        return std::holds_alternative<nft::DeleteElements>(operation) ||
               std::holds_alternative<nft::SetRules>(operation);
      });
}

}  // namespace podgate::controller
