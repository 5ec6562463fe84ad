#include "controller/node/node_lookup.h"

#include <algorithm>
#include <utility>

namespace podgate::controller {
namespace {

// The first commit waits for the first answer, but no longer than this.
constexpr std::chrono::seconds kLimit{5};
// As much as etcd keeps of an object.
constexpr std::size_t kMaxBytes = 2u << 20;
// Until other requests leave room for this one.
constexpr std::chrono::seconds kBusyPause{1};

class Answer : public HttpConsumer {
 public:
  void OnHead(int) override {}
  bool OnBody(std::string_view bytes) override {
    if (text_.size() + bytes.size() > kMaxBytes) return false;
    text_.append(bytes);
    return true;
  }
  std::chrono::milliseconds Patience() override { return kLimit; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

NodeLookup::NodeLookup(std::string node, HttpTransport* transport, RequestLimiter* limiter,
                       Clock* clock, MachineAddresses addresses, std::function<void()> found)
    : node_(std::move(node)),
      transport_(transport),
      limiter_(limiter),
      clock_(clock),
      addresses_(std::move(addresses)),
      found_(std::move(found)) {}

void NodeLookup::Run() {
  if (!limiter_->AwaitTurn()) return;
  for (;;) {
    Look();
    if (!WaitUntilDue()) return;
    while (!limiter_->TakeIdleTurn())
      if (!clock_->Sleep(kBusyPause)) return;
  }
}

// False: stopped.
bool NodeLookup::WaitUntilDue() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopped_ && clock_->Now() < Due()) changed_.wait_until(lock, Due());
  return !stopped_;
}

void NodeLookup::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

NodeObject NodeLookup::Ask(bool* failed) {
  Answer answer;
  const HttpResult result = transport_->Get({NodeTarget(node_), kLimit}, &answer);
  *failed = result.error != HttpError::kNone || result.status >= 500 || result.status == 429;
  if (*failed) return {};
  return ReadNodeObject(node_, result.status, answer.text());
}

void NodeLookup::Look() {
  bool failed = false;
  NodeObject object = Ask(&failed);
  auto machine = addresses_();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool again = report_.answers > 0 && (failed_ || urgent_);
    pause_ = again ? std::min<Clock::Duration>(2 * pause_, kLongestPause) : kFirstPause;
    interval_ = std::chrono::duration_cast<Clock::Duration>(kEvery * (1 - clock_->Random() / 2));
    last_ = clock_->Now();
    failed_ = failed;
    // What the server said last stands until it says otherwise.
    if (!failed) report_.object = std::move(object);
    report_.machine = machine.ok() ? std::move(machine).value() : nft::Addresses();
    ++report_.answers;
  }
  found_();
}

Clock::Time NodeLookup::NextLook() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Due();
}

NodeLookup::Report NodeLookup::report() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_;
}

std::uint64_t NodeLookup::answers() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return report_.answers;
}

void NodeLookup::SetUrgent(bool urgent) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (std::exchange(urgent_, urgent) != urgent && urgent) changed_.notify_all();
}

}  // namespace podgate::controller
