#include "compiler/decode/decode_object.h"

#include <algorithm>
#include <utility>

#include "compiler/model/syntax.h"

namespace podgate::compiler {
namespace {

constexpr std::string_view kList = "List";

std::string_view Expected(SlotType type) {
  switch (type) {
    case SlotType::kObject:
      return "an object";
    case SlotType::kArray:
      return "a list";
    case SlotType::kString:
      return "a string";
    case SlotType::kInteger:
      return "a whole number";
    case SlotType::kBool:
      return "true or false";
  }
  return "";
}

std::optional<Protocol> ProtocolOf(std::string_view text) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
    if (text == ToString(protocol)) return protocol;
  }
  return std::nullopt;
}

}  // namespace

ObjectReader::ObjectReader(TextForm form, Kind kind, const DecodeLimits& limits,
                           ValueLocator* locator, Emit emit)
    : form_(form), kind_(kind), limits_(limits), locator_(locator), emit_(std::move(emit)) {}

bool ObjectReader::Fail(std::size_t offset, std::string message) {
  // A text that is no object at all is no manifest.
  const auto severity = form_ == TextForm::kManifest && frames_.empty()
                            ? Diagnostic::Severity::kSkipped
                            : Diagnostic::Severity::kError;
  failure_ = Problem{severity, offset, "", std::move(message)};
  return false;
}

bool ObjectReader::StartOver() {
  if (!deferred_ || second_pass_) return false;
  second_pass_ = true;
  second_kind_ = list_->kind == kList ? std::string() : list_->kind;
  second_api_version_ = list_->api_version;
  frames_.clear();
  drafts_.clear();
  skip_depth_ = 0;
  capturing_ = false;
  return true;
}

// What the value is that the text tells next.
Slot ObjectReader::NextSlot() {
  if (frames_.empty()) return form_ == TextForm::kWatchEvent ? Slot::kEvent : Slot::kObject;
  Frame& frame = frames_.back();
  if (TypeOf(frame.slot) != SlotType::kArray) return pending_;
  ++frame.next_index;
  return ElementOf(frame.slot);
}

// The API's field path of `slot`, inside of the innermost object.
std::string ObjectReader::PathTo(Slot slot) const {
  auto first = frames_.end();
  while (first != frames_.begin() && (first - 1)->slot != Slot::kObject) --first;
  std::string path;
  const auto append = [&path](Slot part) {
    const std::string_view key = KeyOf(part);
    if (key.empty()) return;
    if (!path.empty()) path += '.';
    path += key;
  };
  for (auto it = first; it != frames_.end(); ++it) {
    append(it->slot);
    if (TypeOf(it->slot) == SlotType::kArray) {
      path += '[' + std::to_string(it->next_index - 1) + ']';
    }
  }
  if (slot != Slot::kLabel) append(slot);  // the frame of the labels stands in the path already
  return path;
}

void ObjectReader::WrongType(Slot slot, std::string found) {
  if (drafts_.empty()) return;
  std::string message;
  if (slot == Slot::kLabel) {
    message = "the value of label " + Quote(label_key_) + " must be a string (put it in quotes)";
  } else {
    message = "must be " + std::string(Expected(TypeOf(slot)));
  }
  if (slot == Slot::kItems) draft().is_list = true;  // a list that cannot be read is no other kind
  if (slot == Slot::kPortName || slot == Slot::kPortNumber || slot == Slot::kPortProtocol) {
    draft().port_valid = false;
  }
  if (slot == Slot::kName) draft().name_unreadable = true;
  if (slot == Slot::kNamespace) draft().namespace_unreadable = true;
  // An item that is no object belongs to the list.
  const std::string path = slot == Slot::kObject ? "items" : PathTo(slot);
  draft().problems.Error(locator_->Offset(), path, message + ", found " + std::move(found));
}

bool ObjectReader::Null() {
  if (Unused()) return true;
  if (capturing_) draft().tree.Null(locator_->Offset());
  if (skip_depth_ != 0) return true;
  const Slot slot = NextSlot();
  switch (slot) {
    case Slot::kLabel:  // as in the API, the empty string
      Store(slot, std::string(), 0);
      break;
    case Slot::kItems:
      draft().is_list = true;
      draft().tree.Stop();
      capturing_ = false;
      break;
    case Slot::kObject:
      if (!frames_.empty()) WrongType(slot, "null");
      break;
    default:
      break;
  }
  return true;
}

bool ObjectReader::Bool(bool value) {
  if (Unused()) return true;
  if (capturing_) draft().tree.Bool(value, locator_->Offset());
  Scalar(SlotType::kBool, value ? "the boolean true" : "the boolean false", value ? 1 : 0);
  return !failure_;
}

bool ObjectReader::Integer(std::int64_t value) {
  if (Unused()) return true;
  if (capturing_) draft().tree.Integer(value, locator_->Offset());
  Scalar(SlotType::kInteger, std::string(), value);
  return !failure_;
}

bool ObjectReader::Number(std::string_view digits) {
  if (Unused()) return true;
  if (capturing_) draft().tree.Number(digits, locator_->Offset());
  if (skip_depth_ != 0) return true;
  const Slot slot = NextSlot();
  if (slot == Slot::kSkip) return true;
  if (frames_.empty()) return Fail(locator_->Offset(), "must be an object, found a number");
  WrongType(slot, "the number " + std::string(digits.substr(0, 32)));
  return true;
}

bool ObjectReader::String(std::string& value) {
  if (Unused()) return true;
  if (capturing_) draft().tree.String(value, locator_->Offset());
  Scalar(SlotType::kString, value, 0);
  return !failure_;
}

void ObjectReader::Scalar(SlotType type, const std::string& text, std::int64_t number) {
  if (skip_depth_ != 0) return;
  const Slot slot = NextSlot();
  if (slot == Slot::kSkip) return;
  if (TypeOf(slot) == type) {
    Store(slot, text, number);
    return;
  }
  std::string found = text;
  if (type == SlotType::kString) found = "the string " + Quote(text);
  if (type == SlotType::kInteger) found = "the number " + std::to_string(number);
  if (frames_.empty()) {
    Fail(locator_->Offset(), "must be an object with apiVersion and kind, found " + found);
  } else {
    WrongType(slot, std::move(found));
  }
}

bool ObjectReader::StartObject() {
  if (capturing_) draft().tree.StartObject(locator_->Offset());
  return Open(SlotType::kObject);
}

bool ObjectReader::StartArray() {
  if (capturing_) draft().tree.StartArray(locator_->Offset());
  return Open(SlotType::kArray);
}

bool ObjectReader::Open(SlotType type) {
  if (skip_depth_ != 0) {
    ++skip_depth_;  // a counter: what is not read costs no memory, however deep it nests
    return true;
  }
  const Slot slot = NextSlot();
  if (slot != Slot::kSkip && TypeOf(slot) == type) {
    frames_.push_back({slot});
    if (slot == Slot::kObject) BeginDraft();
    if (slot == Slot::kPort) {
      draft().port = {};
      draft().port_valid = true;
      draft().port_offset = locator_->Offset();
    }
    if (slot == Slot::kContainer || slot == Slot::kInitContainer) {
      draft().container_ports.clear();
      draft().restart_policy.clear();
    }
    if (slot == Slot::kPodIpEntry) draft().has_pod_ips = true;
    if (slot == Slot::kHostIpEntry) draft().has_host_ips = true;
    if (slot == Slot::kRunning) draft().pod.still_running = true;
    if (slot == Slot::kNodeAddress) {
      draft().node_address_type.clear();
      draft().node_address.reset();
    }
    if (slot == Slot::kItems) {
      draft().is_list = true;
      draft().tree.Stop();
      capturing_ = false;
    }
    return true;
  }
  if (frames_.empty()) return Fail(locator_->Offset(), "must be an object, found a list");
  if (slot != Slot::kSkip) WrongType(slot, type == SlotType::kObject ? "an object" : "a list");
  ++skip_depth_;
  return true;
}

bool ObjectReader::Key(std::string_view key) {
  if (Unused()) return true;
  if (capturing_) draft().tree.Key(key, locator_->Offset());
  if (skip_depth_ != 0) return true;
  pending_ = SlotOfKey(key);
  return true;
}

Slot ObjectReader::SlotOfKey(std::string_view key) {
  Frame& frame = frames_.back();
  if (frame.slot == Slot::kLabels) {
    label_key_ = key;
    draft().label_offsets.push_back(locator_->Offset());
    return Slot::kLabel;
  }
  const auto members = MembersOf(frame.slot);
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].key != key) continue;
    const std::uint32_t bit = 1u << i;
    if ((frame.seen & bit) != 0) {
      if (!drafts_.empty()) {
        draft().problems.Error(locator_->Offset(), PathTo(members[i].slot),
                               "given more than once; expected one");
      }
      return Slot::kSkip;
    }
    frame.seen |= bit;
    // A Node's, which the agent is not sent; a pod has no such field.
    if (members[i].slot == Slot::kNodeAddresses &&
        (form_ != TextForm::kManifest || draft().kind == "Pod")) {
      return Slot::kSkip;
    }
    return frame.slot == Slot::kObject ? FilterTopLevel(members[i].slot) : members[i].slot;
  }
  // Half of a policy's metadata, and no part of its meaning.
  if (capturing_ && frame.slot == Slot::kMetadata && key == "managedFields") {
    draft().tree.SkipNext();
  }
  return Slot::kSkip;
}

// Members of an object whose kind is known already may be of no use.
Slot ObjectReader::FilterTopLevel(Slot slot) {
  Draft& here = draft();
  switch (slot) {
    case Slot::kKind:
      here.kind_offset = locator_->Offset();
      return slot;
    case Slot::kApiVersion:
      here.api_version_offset = locator_->Offset();
      return slot;
    case Slot::kSpec:
    case Slot::kStatus:
      // Read as a pod's also while the kind is not known.
      return here.kind.empty() || here.kind == "Pod" ||
                     (here.kind == "Node" && slot == Slot::kStatus)
                 ? slot
                 : Slot::kSkip;
    case Slot::kItems:
      // What the API was asked for is no list of lists.
      if (form_ == TextForm::kWatchEvent || form_ == TextForm::kStatus) return Slot::kSkip;
      if (form_ == TextForm::kList && drafts_.size() != 1) return Slot::kSkip;
      return here.kind.empty() || here.kind.ends_with(kList) ? slot : Slot::kSkip;
    case Slot::kMetadata:
      return IsOtherKind(here.kind) ? Slot::kSkip : slot;
    default:
      return slot;
  }
}

void ObjectReader::Store(Slot slot, const std::string& text, std::int64_t number) {
  if (slot == Slot::kEventType) {
    event_type_ = text;
    return;
  }
  Draft& here = draft();
  switch (slot) {
    case Slot::kApiVersion:
      here.api_version = text;
      break;
    case Slot::kKind:
      here.kind = text;
      // Only a NetworkPolicy needs its tree.
      if (capturing_ && text != NameOf(Kind::kNetworkPolicy)) {
        here.tree.Stop();
        capturing_ = false;
      }
      break;
    case Slot::kName:
      here.pod.key.name = text;
      here.name_offset = locator_->Offset();
      break;
    case Slot::kGenerateName:
      here.generate_name = text;
      break;
    case Slot::kNamespace:
      here.pod.key.ns = text;
      here.namespace_offset = locator_->Offset();
      break;
    case Slot::kUid:
      here.pod.uid = text;
      break;
    case Slot::kResourceVersion:
      here.resource_version = text;
      break;
    case Slot::kContinue:
      here.continue_token = text;
      break;
    case Slot::kCreated:
      here.pod.created = text;
      break;
    case Slot::kDeletionTime:
      here.deleting = !text.empty();
      break;
    case Slot::kInitialEventsEnd:
      here.initial_events_end = text == "true";
      break;
    case Slot::kLabel:
      here.pod.labels.emplace_back(label_key_, text);
      break;
    case Slot::kNodeName:
      here.pod.node = text;
      break;
    case Slot::kHostNetwork:
      here.pod.host_network = number != 0;
      break;
    case Slot::kRestartPolicy:
      here.restart_policy = text;
      break;
    case Slot::kPortName:
      here.port.name = text;
      break;
    case Slot::kPortNumber:
      if (number < 1 || number > 65535) {
        here.problems.Error(locator_->Offset(), PathTo(slot),
                            "must be from 1 to 65535, found " + std::to_string(number));
        here.port_valid = false;
      } else {
        here.port.port = static_cast<std::uint16_t>(number);
      }
      break;
    case Slot::kPortProtocol:
      if (const auto protocol = ProtocolOf(text)) {
        here.port.protocol = *protocol;
      } else if (!text.empty()) {
        here.problems.Error(locator_->Offset(), PathTo(slot),
                            "must be TCP, UDP or SCTP, found " + Quote(text));
        here.port_valid = false;
      }
      break;
    case Slot::kPhase:
      here.pod.finished = text == "Succeeded" || text == "Failed";
      break;
    case Slot::kPodIp:
    case Slot::kPodIpText:
      TakeAddress(text, slot == Slot::kPodIpText, false);
      break;
    case Slot::kHostIp:
    case Slot::kHostIpText:
      TakeAddress(text, slot == Slot::kHostIpText, true);
      break;
    case Slot::kNodeAddressType:
      here.node_address_type = text;
      break;
    case Slot::kNodeAddressText:
      here.node_address = Address::Parse(text);
      break;
    case Slot::kCode:
      here.status.code = static_cast<int>(std::clamp<std::int64_t>(number, 0, 999));
      break;
    case Slot::kReason:
      here.status.reason = text;
      break;
    case Slot::kMessage:
      here.status.message = text;
      break;
    case Slot::kRetryAfter:
      here.status.retry_after_seconds =
          static_cast<int>(std::clamp<std::int64_t>(number, 0, 1'000'000));
      break;
    default:
      break;
  }
}

void ObjectReader::TakeAddress(const std::string& text, bool of_list, bool of_host) {
  if (text.empty()) return;
  Draft& here = draft();
  const auto address = Address::Parse(text);
  if (!address) {
    const Slot slot = of_list ? (of_host ? Slot::kHostIpText : Slot::kPodIpText)
                              : (of_host ? Slot::kHostIp : Slot::kPodIp);
    here.problems.Error(locator_->Offset(), PathTo(slot),
                        "must be an IP address, found " + Quote(text));
    return;
  }
  if (of_list) {
    (of_host ? here.pod.host_addresses : here.pod.addresses).push_back(*address);
  } else {
    (of_host ? here.host_ip : here.pod_ip) = *address;
  }
}

bool ObjectReader::Close() {
  if (skip_depth_ != 0) {
    if (capturing_) draft().tree.End();
    --skip_depth_;
    return true;
  }
  const Slot slot = frames_.back().slot;
  if (capturing_) draft().tree.End();
  // The frame is still there: paths of problems at the end of a part name it.
  if (slot == Slot::kPort) EndPort();
  if (slot == Slot::kContainer || slot == Slot::kInitContainer) {
    EndContainer(slot == Slot::kInitContainer);
  }
  if (slot == Slot::kNodeAddress) EndNodeAddress();
  frames_.pop_back();
  if (slot == Slot::kObject) EndDraft();
  return !failure_;
}

// A port without a name decides nothing; one that cannot be read must not be taken for another.
void ObjectReader::EndPort() {
  Draft& here = draft();
  if (here.port.name.empty() || !here.port_valid) return;
  if (here.port.port == 0) {
    here.problems.Error(here.port_offset, PathTo(Slot::kPortNumber),
                        "missing; expected a port number");
    return;
  }
  here.container_ports.push_back(std::move(here.port));
}

void ObjectReader::EndContainer(bool init) {
  Draft& here = draft();
  // Init containers that are never restarted are gone before the pod serves anything.
  if (!init || here.restart_policy == "Always") {
    if (here.pod.ports.empty()) {
      here.pod.ports.swap(here.container_ports);
    } else {
      std::move(here.container_ports.begin(), here.container_ports.end(),
                std::back_inserter(here.pod.ports));
    }
  }
  here.container_ports.clear();
}

// Of the types that the API knows, these two are addresses that packets have (NodeAddressType of
// core/v1).
void ObjectReader::EndNodeAddress() {
  Draft& here = draft();
  if (here.node_address &&
      (here.node_address_type == "InternalIP" || here.node_address_type == "ExternalIP")) {
    here.node_addresses.push_back(*here.node_address);
  }
}

void ObjectReader::BeginDraft() {
  const bool in_root_list = drafts_.size() == 1;
  std::string default_kind;
  if (!drafts_.empty()) default_kind = drafts_.back().kind;
  Draft& here = drafts_.emplace_back();
  here.start = locator_->Offset();
  here.in_root_list = in_root_list;
  if (form_ == TextForm::kStatus) return;
  // Capture what may turn out to be a policy.
  const bool maybe = kind_ == Kind::kUnknown ? default_kind.empty() || default_kind == kList ||
                                                   default_kind == "NetworkPolicyList"
                                             : kind_ == Kind::kNetworkPolicy;
  if (maybe) here.tree.Start(limits_.policy_nodes);
  capturing_ = maybe;
  if (maybe) here.tree.StartObject(here.start);
}

void ObjectReader::EndList(Draft&& done) {
  if (form_ == TextForm::kManifest) {
    // A file that happens to have `items` and is no list of the API.
    const bool no_object = done.kind.empty() && done.api_version.empty() && drafts_.empty();
    if (no_object) {
      done.problems.Clear();
      done.problems.Add(Diagnostic::Severity::kSkipped, done.start, "kind",
                        "missing; every object needs apiVersion and kind");
    } else if (done.kind.empty()) {
      done.problems.Error(done.start, "kind", "missing; every object needs apiVersion and kind");
    } else if (!done.kind.ends_with(kList) && !IsOtherKind(done.kind)) {
      done.problems.Error(
          done.kind_offset, "kind",
          "must be a list's kind, since there are items, found " + Quote(done.kind));
    }
    Finished finished;
    finished.standing = no_object ? Standing::kNoObject : Standing::kRead;
    finished.problems = done.problems.Take();
    finished.start = done.start;
    if (!finished.problems.empty()) emit_(std::move(finished));
  }
  if (drafts_.empty()) list_ = std::move(done);
}

void ObjectReader::EndDraft() {
  Draft done = std::move(drafts_.back());
  drafts_.pop_back();
  capturing_ = false;
  if (form_ == TextForm::kWatchEvent || form_ == TextForm::kStatus) {
    object_ = std::move(done);
    return;
  }
  if (done.is_list || (form_ == TextForm::kList && drafts_.empty())) {
    if (!second_pass_) EndList(std::move(done));
    return;
  }
  DraftContext context;
  context.manifest = form_ == TextForm::kManifest;
  context.expected = kind_;
  if (!drafts_.empty()) {
    const Draft& list = drafts_.back();
    std::string_view list_kind = list.kind;
    std::string_view list_version = list.api_version;
    const bool bare = done.kind.empty();
    if (done.in_root_list && kind_ == Kind::kUnknown) {
      if (second_pass_) {
        if (!bare) return;                                              // emitted by the first pass
        if (list_->kind.empty() && list_->api_version.empty()) return;  // told with its list
        list_kind = second_kind_;
        list_version = second_api_version_;
      } else if (bare && (list_kind.empty() || list_version.empty())) {
        deferred_ = true;
        return;
      }
    } else if (second_pass_) {
      return;
    }
    context.in_list = true;
    if (list_kind.ends_with(kList) && list_kind != kList) {
      context.default_kind = list_kind.substr(0, list_kind.size() - kList.size());
      context.default_api_version = list_version;
    }
  }
  Finished finished = Finish(std::move(done), context);
  if (form_ == TextForm::kManifest || finished.object || !finished.problems.empty())
    emit_(std::move(finished));
}

}  // namespace podgate::compiler
