#include "controller/watch/reflector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "controller/watch/emptied.h"
#include "controller/watch/list_page.h"
#include "controller/watch/object_size.h"

namespace podgate::controller {
namespace {

// Refusals of one version after which it is not tried again (a server restored from a backup may
// never reach the version that we know).
constexpr int kMaxRefusals = 3;
constexpr int kMaxRetryAfterSeconds = 30;
// Objects on a page, where they are not too long for that; and by what a page shrinks or grows.
constexpr int kPageObjects = 500;
constexpr int kPageStep = 8;
// A stream that lived this long was a working one: the next failure is a new one.
constexpr std::chrono::seconds kWorking{5};

// Whether a refusal may mean the version that a watch is to begin from. A server that is too busy,
// is away, sends us elsewhere or does not know us says nothing about it, and a list would only cost
// it more.
bool MayMeanTheVersion(int status) {
  const bool elsewhere = status >= 300 && status < 400;
  const bool unknown = status == 401 || status == 403;
  const bool busy = status == 408 || status == 429 || status == 502 || status == 503;
  return !elsewhere && !unknown && !busy;
}

// A pod that waits for a node, or whose containers have all ended, has no packets and is nobody's
// peer; its creator may have any number of them. One that cannot be read may be neither.
bool HasNoNetwork(const compiler::Decoded& decoded) {
  const auto* pod = std::get_if<compiler::Pod>(&*decoded.object);
  if (pod == nullptr || !decoded.diagnostics.empty()) return false;
  const bool waits = pod->node.empty() && pod->addresses.empty();
  return waits || (pod->finished && !pod->still_running);
}

// False: the object is of another kind than `kind`.
bool KeyOf(const compiler::Object& object, compiler::Kind kind, compiler::ObjectKey* key) {
  if (const auto* pod = std::get_if<compiler::Pod>(&object)) {
    *key = pod->key;
    return kind == compiler::Kind::kPod;
  }
  if (const auto* policy = std::get_if<compiler::NetworkPolicy>(&object)) {
    *key = policy->key;
    return kind == compiler::Kind::kNetworkPolicy;
  }
  *key = {"", std::get<compiler::Namespace>(object).name};
  return kind == compiler::Kind::kNamespace;
}

}  // namespace

Reflector::Reflector(const Resource& resource, HttpTransport* transport, RequestLimiter* limiter,
                     Clock* clock, Logger* log, MessageSink* sink)
    : resource_(resource),
      transport_(transport),
      limiter_(limiter),
      clock_(clock),
      log_(log),
      sink_(sink),
      backoff_(clock, Backoff::kWatchLimit),
      list_backoff_(clock, Backoff::kListLimit),
      last_news_(clock->Now()),
      known_(resource.limits),
      page_objects_(kPageObjects) {}

void Reflector::Run() {
  while (Round()) {
  }
}

bool Reflector::Round() {
  // At the end of a watch, which is once in some minutes: whoever makes objects large and small by
  // turns does not make us list more often, and lists never follow each other without a watch.
  if (std::exchange(watched_, false) && (known_.regained() || uncrowded_)) version_.clear();
  return After(version_.empty() ? List() : Watch());
}

bool Reflector::After(const RoundResult& round) {
  if (round.next == RoundResult::Next::kStop) return false;
  if (round.next == RoundResult::Next::kGoOn) {
    failing_ = false;
    return true;
  }
  if (round.next == RoundResult::Next::kAgain) {
    log_->Debug(LogMessages::kRequestRepeated,
                {{"kind", resource_.name}, {"reason", round.reason}});
    return true;
  }
  const bool relist = round.next == RoundResult::Next::kRelist;
  if (relist) version_.clear();
  // After an outage the server answers again, with 410 perhaps: what it costs to list does not
  // depend on how long it was away. A node without rules waits for its first list: while nobody
  // bears the cost of one, it asks as often as for a watch.
  const bool list = version_.empty() && round.reached;
  Clock::Duration pause = list ? list_backoff_.Next() : backoff_.Next();
  pause = std::max<Clock::Duration>(
      pause, std::chrono::seconds(std::clamp(round.retry_after_seconds, 0, kMaxRetryAfterSeconds)));
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(pause).count();
  log_->Warn(version_.empty() ? LogMessages::kListFailed : LogMessages::kWatchFailed,
             {{"kind", resource_.name}, {"reason", round.reason}, {"retry_ms", milliseconds}});
  failing_ = true;
  return clock_->Sleep(pause);
}

int Reflector::WatchSeconds() {
  // Random, so that the watches of many nodes do not end together.
  return 240 + static_cast<int>(clock_->Random() * 240);
}

Reflector::RoundResult Reflector::Watch() {
  const int seconds = WatchSeconds();
  WatchStream stream(resource_.kind, clock_, this, {});
  return FollowStream(WatchTarget(resource_, version_, seconds), seconds, &stream);
}

Reflector::RoundResult Reflector::List() {
  RequestLimiter::ListSlot slot = limiter_->AwaitList();
  if (!slot) return {RoundResult::Next::kStop, {}, 0};
  return limiter_->lists_stream() ? ListByStream(std::move(slot)) : ListByPages();
}

Reflector::RoundResult Reflector::ListByStream(RequestLimiter::ListSlot slot) {
  BeginList();
  const int seconds = WatchSeconds();
  WatchStream stream(resource_.kind, clock_, this, std::move(slot));
  return FollowStream(StreamingListTarget(resource_, seconds), seconds, &stream);
}

Reflector::RoundResult Reflector::FollowStream(const std::string& target, int timeout_seconds,
                                               WatchStream* stream) {
  using Next = RoundResult::Next;
  if (!limiter_->AwaitTurn()) return {Next::kStop, {}, 0};
  ++counters_.requests;
  const Clock::Time begun = clock_->Now();
  const std::chrono::seconds limit(timeout_seconds + 30);
  const HttpResult result = transport_->Get({target, limit}, stream);
  const bool working = result.status == 200 && clock_->Now() - begun >= kWorking;
  if (working) {
    backoff_.Reset();
    list_backoff_.Reset();
  }
  const bool unwanted = stream->end() == WatchStream::End::kReceiver;
  if (result.error == HttpError::kCancelled || unwanted) return {Next::kStop, {}, 0};
  const bool listing = stream->listing();
  if (result.status != 0 && result.status != 200) {
    // What servers say that do not know streaming lists: the parameters are invalid, or not for a
    // watch.
    const bool unknown = result.status == 400 || result.status == 404 || result.status == 405 ||
                         result.status == 406 || result.status == 415 || result.status == 422 ||
                         result.status == 501;
    if (listing && unknown) {
      limiter_->NoStreamingLists();
      return {Next::kAgain,
              fmt::format("the server does not support streaming lists (status {})", result.status),
              0};
    }
    return Refused(result, stream->refusal(), !listing);
  }
  if (result.status == 200) unauthorized_ = false;
  switch (stream->end()) {
    case WatchStream::End::kErrorEvent:
      return ErrorEvent(stream->error_event());
    case WatchStream::End::kGarbage:
    case WatchStream::End::kLineTooLong:
      ++counters_.garbage;
      return {Next::kRelist, stream->problem(), 0};
    case WatchStream::End::kReceiver:
    case WatchStream::End::kSlowList:
    case WatchStream::End::kOpen:
      break;
  }
  const bool quiet_end = result.error == HttpError::kNone || result.error == HttpError::kTimeout ||
                         stream->end() == WatchStream::End::kSlowList;
  if (listing && result.status == 200 && quiet_end) {
    // An old server took it for a plain watch, and never says that the list is complete.
    limiter_->NoStreamingLists();
    return {Next::kAgain, "the server does not support streaming lists (no end of the list)", 0};
  }
  if (result.error != HttpError::kNone) return Broken(result);
  if (clock_->Now() - begun < kWorking)
    return {Next::kPause, "the server ended the watch at once", 0};
  watched_ = true;
  return {};
}

Reflector::RoundResult Reflector::Broken(const HttpResult& result) {
  RoundResult round{RoundResult::Next::kPause, result.message, result.retry_after_seconds};
  round.reached = result.error != HttpError::kConfig && result.error != HttpError::kResolve &&
                  result.error != HttpError::kConnect;
  return round;
}

Reflector::RoundResult Reflector::Refused(const HttpResult& result, const std::string& body,
                                          bool watching) {
  using Next = RoundResult::Next;
  const auto status = compiler::DecodeStatus(body);
  RoundResult round{Next::kPause, fmt::format("status {}", result.status),
                    result.retry_after_seconds};
  if (status) {
    if (!status->message.empty()) round.reason += ": " + status->message.substr(0, 300);
    round.retry_after_seconds = std::max(round.retry_after_seconds, status->retry_after_seconds);
  }
  const bool first_unauthorized =
      result.status == 401 && !std::exchange(unauthorized_, result.status == 401);
  if (first_unauthorized) {
    // A token may have been replaced since it was read: the next attempt reads it anew.
    round.next = Next::kAgain;
    return round;
  }
  if (result.status >= 300 && result.status < 400) round.reason += " (redirects are not followed)";
  if (result.status == 403) round.reason += " (the ClusterRole must allow list and watch)";
  const bool counts = watching && MayMeanTheVersion(result.status);
  if (result.status == 410 || (counts && ++refused_ >= kMaxRefusals)) {
    refused_ = 0;
    round.next = Next::kRelist;
  }
  return round;
}

Reflector::RoundResult Reflector::ErrorEvent(const compiler::WatchEvent& event) {
  RoundResult round{RoundResult::Next::kPause,
                    fmt::format("error {} {}: {}", event.status_code, event.status_reason,
                                event.status_message.substr(0, 300)),
                    0};
  const bool expired =
      event.status_code == 410 || event.status_reason == "Expired" || event.status_reason == "Gone";
  const bool counts = MayMeanTheVersion(event.status_code);
  if (expired || (counts && ++refused_ >= kMaxRefusals)) {
    refused_ = 0;
    round.next = RoundResult::Next::kRelist;
  }
  return round;
}

Reflector::RoundResult Reflector::ListByPages() {
  using Next = RoundResult::Next;
  BeginList();
  std::string token;
  std::string version;
  // More than are kept: a namespace may have any number that are not.
  const std::size_t most = 16 * (resource_.limits.objects + static_cast<std::size_t>(kPageObjects));
  for (std::size_t asked = 0; asked < most; asked += static_cast<std::size_t>(page_objects_)) {
    if (!limiter_->AwaitTurn()) return {Next::kStop, {}, 0};
    ++counters_.requests;
    ListPage page;
    const HttpResult result =
        transport_->Get({PageTarget(resource_, page_objects_, token), ListPage::kLimit}, &page);
    if (result.error == HttpError::kCancelled) return {Next::kStop, {}, 0};
    if (result.status != 0 && result.status != 200) return Refused(result, page.text(), false);
    if (page.too_long() && page_objects_ > 1) {
      page_objects_ = std::max(1, page_objects_ / kPageStep);
      log_->Debug(LogMessages::kPageTooLarge,
                  {{"kind", resource_.name}, {"objects", page_objects_}});
      continue;
    }
    if (page.too_long()) return {Next::kPause, "one object is larger than a page may be", 0};
    if (result.error != HttpError::kNone) return Broken(result);
    unauthorized_ = false;

    bool wanted = true;
    const auto decoded = compiler::DecodeList(page.text(), resource_.kind,
                                              [this, &wanted](compiler::Decoded&& item) {
                                                wanted = wanted && OnUpsert(std::move(item));
                                              });
    if (!wanted) return {Next::kStop, {}, 0};
    if (const auto* problem = std::get_if<compiler::Diagnostic>(&decoded)) {
      ++counters_.garbage;
      return {Next::kPause, "the list cannot be read: " + problem->ToString(), 0};
    }
    last_news_ = clock_->Now();
    const auto& meta = std::get<compiler::ListMeta>(decoded);
    if (version.empty()) version = meta.resource_version;
    if (version.empty()) return {Next::kPause, "the list has no resourceVersion", 0};
    if (meta.continue_token.empty()) return {OnListEnd(version) ? Next::kGoOn : Next::kStop, {}, 0};
    if (meta.continue_token == token)
      return {Next::kPause, "the list repeats its continue token", 0};
    token = meta.continue_token;
    // One page of long objects must not make a hundred thousand small ones come one by one.
    if (page.text().size() <= ListPage::kMaxBytes / kPageStep)
      page_objects_ = std::min(kPageObjects, page_objects_ * kPageStep);
  }
  return {Next::kPause, "the list does not end", 0};
}

void Reflector::BeginList() {
  known_.BeginList();
  list_unreadable_ = false;
  ++list_number_;
  known_.ForgetRegained();
  uncrowded_ = false;
}

bool Reflector::OnListEnd(const std::string& version) {
  // An object that could not even be named might be any of those that seem to be gone.
  const bool swept = list_unreadable_ || known_.Sweep([this](const compiler::ObjectKey& key) {
    return sink_->Put(Note(Message::Type::kDelete, key));
  });
  if (!swept) return false;
  for (auto it = crowded_.begin(); it != crowded_.end();) {
    const bool still = it->second == list_number_;
    if (!still && !TellGone(PolicyForTheRest(it->first, "").key)) return false;
    it = still ? std::next(it) : crowded_.erase(it);
  }
  version_ = version;
  refused_ = 0;
  ++counters_.lists;
  log_->Info(LogMessages::kObjectsListed,
             {{"kind", resource_.name}, {"objects", known_.size()}, {"version", version_}});
  return sink_->Put(Note(Message::Type::kListed, {}));
}

void Reflector::OnWatchBegun() {
  if (std::exchange(failing_, false))
    log_->Info(LogMessages::kWatchResumed, {{"kind", resource_.name}});
}

void Reflector::OnEventRead(std::string version) {
  if (!version.empty()) {
    version_ = std::move(version);
    refused_ = 0;
  }
  last_news_ = clock_->Now();
}

Message Reflector::Note(Message::Type type, compiler::ObjectKey key) {
  Message message;
  message.type = type;
  message.kind = resource_.kind;
  message.of_this_node = resource_.of_this_node;
  message.key = std::move(key);
  message.received = clock_->Now();
  return message;
}

bool Reflector::OnUpsert(compiler::Decoded decoded) {
  if (!decoded.object) {
    for (const compiler::Diagnostic& diagnostic : decoded.diagnostics) {
      list_unreadable_ = true;
      log_->Warn(LogMessages::kObjectIgnored,
                 {{"kind", resource_.name}, {"problem", diagnostic.ToString()}});
    }
    return true;
  }
  compiler::ObjectKey key;
  if (!KeyOf(*decoded.object, resource_.kind, &key)) return true;  // of another kind
  if (HasNoNetwork(decoded)) return !known_.Remove(key) || TellGone(key);
  // Once here, once as a key in the loop's map.
  const std::size_t keys = 2 * (key.ns.size() + key.name.size());
  std::size_t bytes = SizeOf(*decoded.object) + keys;
  const KnownObjects::Fit fit = known_.Add(key, bytes);
  if (!TellLost()) return false;
  if (fit == KnownObjects::Fit::kNotAtAll) return OnUnknown(key);
  if (fit == KnownObjects::Fit::kEmptied) {
    Empty(Excess(key.ns), &*decoded.object, &decoded.diagnostics);
    bytes = SizeOf(*decoded.object) + keys;
  }
  Message message = Note(Message::Type::kUpsert, std::move(key));
  message.object = std::move(decoded.object);
  message.diagnostics = std::move(decoded.diagnostics);
  message.bytes = bytes;
  return sink_->Put(std::move(message));
}

bool Reflector::TellLost() {
  for (compiler::ObjectKey& key : known_.TakeLost()) {
    compiler::Diagnostic why;
    why.message = Excess(key.ns);
    Message message = Note(Message::Type::kEmpty, std::move(key));
    message.diagnostics.push_back(std::move(why));
    if (!sink_->Put(std::move(message))) return false;
  }
  return true;
}

// There are more objects in its namespace, or in all, than are known by name. For other nodes' pods
// that is closed enough: they are nobody's peers. Policies isolate.
bool Reflector::OnUnknown(const compiler::ObjectKey& key) {
  const bool told = crowded_.contains(key.ns);
  crowded_[key.ns] = list_number_;
  if (told) return true;
  log_->LogAbout(key.ns, LogLevel::kError, LogMessages::kTooManyObjects,
                 {{"kind", resource_.name},
                  {"namespace", key.ns},
                  {"in_namespace", resource_.limits.namespace_objects},
                  {"in_all", resource_.limits.objects}});
  if (resource_.kind != compiler::Kind::kNetworkPolicy) return true;
  compiler::NetworkPolicy rest = PolicyForTheRest(
      key.ns, fmt::format("namespace {} has too many policies: pods there are isolated by those "
                          "beyond {}; delete some",
                          key.ns, resource_.limits.namespace_objects));
  Message message = Note(Message::Type::kUpsert, rest.key);
  message.diagnostics = rest.errors;
  message.object = std::move(rest);
  return sink_->Put(std::move(message));
}

std::string Reflector::Excess(const std::string& ns) const {
  if (resource_.kind == compiler::Kind::kNamespace) {
    return fmt::format(
        "all namespaces need more memory than {} MiB, and this one is large; use "
        "fewer or shorter labels",
        resource_.limits.bytes >> 20);
  }
  const bool pods = resource_.kind == compiler::Kind::kPod;
  return fmt::format(
      "the {} of namespace {} need more memory than a namespace gets ({} MiB{}), "
      "and this one is large; use {}",
      pods ? "pods" : "policies", ns, resource_.limits.namespace_bytes >> 20,
      pods ? " beyond 4 KiB for each pod" : "",
      pods ? "fewer or shorter labels" : "fewer or smaller policies");
}

bool Reflector::OnDelete(const compiler::Decoded& decoded) {
  compiler::ObjectKey key;
  if (!decoded.object || !KeyOf(*decoded.object, resource_.kind, &key)) return true;
  known_.Remove(key);
  uncrowded_ = uncrowded_ || crowded_.contains(key.ns);
  return TellGone(key);
}

bool Reflector::TellGone(const compiler::ObjectKey& key) {
  return sink_->Put(Note(Message::Type::kDelete, key));
}

}  // namespace podgate::controller
