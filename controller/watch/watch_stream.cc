#include "controller/watch/watch_stream.h"

#include <algorithm>
#include <variant>

namespace podgate::controller {
namespace {

// Nobody knows which object changed: only a list can tell.
bool Nameless(const compiler::Decoded& decoded) {
  return !decoded.object && !decoded.diagnostics.empty();
}

}  // namespace

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

void Reflector::Stream::OnHead(int status) {
  status_ = status;
  head_came_ = last_event_ = reflector_->clock_->Now();
  if (status == 200 && !listing_ && std::exchange(reflector_->failing_, false)) {
    reflector_->log_->Info("watching again", {{"kind", reflector_->resource_.name}});
  }
}

std::chrono::milliseconds Reflector::Stream::Left(Clock::Time since,
                                                  std::chrono::seconds limit) const {
  const auto left = since + limit - reflector_->clock_->Now();
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left),
                  std::chrono::milliseconds(0));
}

std::chrono::milliseconds Reflector::Stream::Patience() {
  // A watch is answered at once; a list may wait until the server's cache is fresh.
  if (status_ == 0) return std::chrono::seconds(10);
  if (listing_)
    return std::min<std::chrono::milliseconds>(std::chrono::seconds(15),
                                               Left(head_came_, kListLimit));
  return Left(last_event_, kEventLimit);
}

bool Reflector::Stream::Stop(End end, std::string problem) {
  end_ = end;
  problem_ = std::move(problem);
  return false;
}

bool Reflector::Stream::OnBody(std::string_view bytes) {
  if (status_ != 200) {
    refusal_.append(bytes.substr(0, kMaxRefusalBytes - refusal_.size()));
    return refusal_.size() < kMaxRefusalBytes;
  }
  if (listing_ && Left(head_came_, kListLimit).count() == 0) return Stop(End::kSlowList);
  const auto outcome = lines_.Feed(bytes, [this](std::string_view line) { return OnLine(line); });
  if (outcome == LineSplitter::Outcome::kTooLong)
    return Stop(End::kLineTooLong, "an event is too long");
  return outcome == LineSplitter::Outcome::kMore;
}

bool Reflector::Stream::OnLine(std::string_view line) {
  auto decoded = compiler::DecodeWatchEvent(line, reflector_->resource_.kind);
  if (const auto* problem = std::get_if<compiler::Diagnostic>(&decoded)) {
    return Stop(End::kGarbage, "an event cannot be read: " + problem->ToString());
  }
  return OnEvent(std::get<compiler::WatchEvent>(std::move(decoded)));
}

bool Reflector::Stream::OnEvent(compiler::WatchEvent event) {
  using Type = compiler::WatchEvent::Type;
  bool wanted = true;
  switch (event.type) {
    case Type::kError:
      error_event_ = std::move(event);
      return Stop(End::kErrorEvent);
    case Type::kAdded:
    case Type::kModified:
      if (!listing_ && Nameless(event.decoded))
        return Stop(End::kGarbage, "an event names no object");
      wanted = reflector_->Upsert(std::move(event.decoded));
      break;
    case Type::kDeleted:
      if (Nameless(event.decoded)) return Stop(End::kGarbage, "an event names no object");
      wanted = reflector_->Delete(event.decoded);
      break;
    case Type::kBookmark:
      if (listing_ && event.initial_events_end && !event.resource_version.empty()) {
        wanted = reflector_->EndList(event.resource_version);
        listing_ = false;
        slot_.Release();
      }
      break;
  }
  if (!wanted) return Stop(reflector_->too_many_ ? End::kTooMany : End::kReceiver);
  // Versions of a list's events say nothing before its end: they come in any order.
  if (!listing_ && !event.resource_version.empty()) {
    reflector_->version_ = std::move(event.resource_version);
    reflector_->refused_ = 0;
  }
  // Now, not when it came: the receiver may have made us wait.
  last_event_ = reflector_->clock_->Now();
  reflector_->last_news_ = last_event_;
  return true;
}

void Reflector::Page::OnHead(int status) {
  status_ = status;
  // Costs addresses only, until bytes come; a text that grows is copied, and needs three times its
  // size for that.
  if (status == 200) text_.reserve(kMaxBytes);
}

bool Reflector::Page::OnBody(std::string_view bytes) {
  const std::size_t limit = status_ == 200 ? kMaxBytes : kMaxRefusalBytes;
  if (text_.size() + bytes.size() > limit) {
    too_long_ = status_ == 200;
    return false;
  }
  text_.append(bytes);
  return true;
}

}  // namespace podgate::controller
