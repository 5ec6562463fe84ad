#include "compiler/decode/decode_slots.h"

#include <array>
#include <cstddef>

namespace podgate::compiler {
namespace {

constexpr SlotMember kEventMembers[] = {{"type", Slot::kEventType}, {"object", Slot::kObject}};
constexpr SlotMember kObjectMembers[] = {{"apiVersion", Slot::kApiVersion},
                                         {"kind", Slot::kKind},
                                         {"metadata", Slot::kMetadata},
                                         {"spec", Slot::kSpec},
                                         {"status", Slot::kStatus},
                                         {"items", Slot::kItems},
                                         // Of a Status object.
                                         {"code", Slot::kCode},
                                         {"reason", Slot::kReason},
                                         {"message", Slot::kMessage},
                                         {"details", Slot::kDetails}};
constexpr SlotMember kMetadataMembers[] = {{"name", Slot::kName},
                                           {"namespace", Slot::kNamespace},
                                           {"labels", Slot::kLabels},
                                           {"uid", Slot::kUid},
                                           {"resourceVersion", Slot::kResourceVersion},
                                           {"creationTimestamp", Slot::kCreated},
                                           {"deletionTimestamp", Slot::kDeletionTime},
                                           {"annotations", Slot::kAnnotations},
                                           {"generateName", Slot::kGenerateName},
                                           {"continue", Slot::kContinue}};
constexpr SlotMember kAnnotationMembers[] = {
    {"k8s.io/initial-events-end", Slot::kInitialEventsEnd}};
constexpr SlotMember kSpecMembers[] = {{"nodeName", Slot::kNodeName},
                                       {"hostNetwork", Slot::kHostNetwork},
                                       {"containers", Slot::kContainers},
                                       {"initContainers", Slot::kInitContainers}};
constexpr SlotMember kContainerMembers[] = {{"ports", Slot::kPorts}};
constexpr SlotMember kInitContainerMembers[] = {{"ports", Slot::kPorts},
                                                {"restartPolicy", Slot::kRestartPolicy}};
constexpr SlotMember kPortMembers[] = {{"name", Slot::kPortName},
                                       {"containerPort", Slot::kPortNumber},
                                       {"protocol", Slot::kPortProtocol}};
constexpr SlotMember kStatusMembers[] = {{"phase", Slot::kPhase},
                                         {"podIP", Slot::kPodIp},
                                         {"podIPs", Slot::kPodIps},
                                         {"hostIP", Slot::kHostIp},
                                         {"hostIPs", Slot::kHostIps},
                                         {"containerStatuses", Slot::kContainerStatuses},
                                         {"initContainerStatuses", Slot::kContainerStatuses},
                                         {"ephemeralContainerStatuses", Slot::kContainerStatuses},
                                         {"addresses", Slot::kNodeAddresses}};
constexpr SlotMember kContainerStatusMembers[] = {{"state", Slot::kContainerState}};
constexpr SlotMember kContainerStateMembers[] = {{"running", Slot::kRunning}};
constexpr SlotMember kPodIpMembers[] = {{"ip", Slot::kPodIpText}};
constexpr SlotMember kHostIpMembers[] = {{"ip", Slot::kHostIpText}};
constexpr SlotMember kNodeAddressMembers[] = {{"type", Slot::kNodeAddressType},
                                              {"address", Slot::kNodeAddressText}};
constexpr SlotMember kDetailsMembers[] = {{"retryAfterSeconds", Slot::kRetryAfter}};

constexpr std::size_t kSlots = static_cast<std::size_t>(Slot::kRetryAfter) + 1;

SlotType FindType(Slot slot);

}  // namespace

std::span<const SlotMember> MembersOf(Slot slot) {
  switch (slot) {
    case Slot::kEvent:
      return kEventMembers;
    case Slot::kObject:
      return kObjectMembers;
    case Slot::kMetadata:
      return kMetadataMembers;
    case Slot::kAnnotations:
      return kAnnotationMembers;
    case Slot::kSpec:
      return kSpecMembers;
    case Slot::kContainer:
      return kContainerMembers;
    case Slot::kInitContainer:
      return kInitContainerMembers;
    case Slot::kPort:
      return kPortMembers;
    case Slot::kStatus:
      return kStatusMembers;
    case Slot::kPodIpEntry:
      return kPodIpMembers;
    case Slot::kHostIpEntry:
      return kHostIpMembers;
    case Slot::kContainerStatus:
      return kContainerStatusMembers;
    case Slot::kContainerState:
      return kContainerStateMembers;
    case Slot::kNodeAddress:
      return kNodeAddressMembers;
    case Slot::kDetails:
      return kDetailsMembers;
    default:
      return {};
  }
}

Slot ElementOf(Slot slot) {
  switch (slot) {
    case Slot::kItems:
      return Slot::kObject;
    case Slot::kContainers:
      return Slot::kContainer;
    case Slot::kInitContainers:
      return Slot::kInitContainer;
    case Slot::kPorts:
      return Slot::kPort;
    case Slot::kPodIps:
      return Slot::kPodIpEntry;
    case Slot::kHostIps:
      return Slot::kHostIpEntry;
    case Slot::kContainerStatuses:
      return Slot::kContainerStatus;
    case Slot::kNodeAddresses:
      return Slot::kNodeAddress;
    default:
      return Slot::kSkip;
  }
}

// Asked for each value: found once for each slot.
SlotType TypeOf(Slot slot) {
  static const std::array<SlotType, kSlots> types = [] {
    std::array<SlotType, kSlots> found{};
    for (std::size_t i = 0; i < kSlots; ++i) found[i] = FindType(static_cast<Slot>(i));
    return found;
  }();
  return types[static_cast<std::size_t>(slot)];
}

namespace {

SlotType FindType(Slot slot) {
  switch (slot) {
    case Slot::kItems:
    case Slot::kContainers:
    case Slot::kInitContainers:
    case Slot::kPorts:
    case Slot::kPodIps:
    case Slot::kHostIps:
    case Slot::kContainerStatuses:
    case Slot::kNodeAddresses:
      return SlotType::kArray;
    case Slot::kRunning:
      return SlotType::kObject;
    case Slot::kHostNetwork:
      return SlotType::kBool;
    case Slot::kPortNumber:
    case Slot::kCode:
    case Slot::kRetryAfter:
      return SlotType::kInteger;
    default:
      return KeyOf(slot).empty() || !MembersOf(slot).empty() || slot == Slot::kLabels
                 ? SlotType::kObject
                 : SlotType::kString;
  }
}

}  // namespace

std::string_view KeyOf(Slot slot) {
  switch (slot) {
    case Slot::kEventType:
    case Slot::kNodeAddressType:
      return "type";
    case Slot::kApiVersion:
      return "apiVersion";
    case Slot::kKind:
      return "kind";
    case Slot::kItems:
      return "items";
    case Slot::kMetadata:
      return "metadata";
    case Slot::kName:
    case Slot::kPortName:
      return "name";
    case Slot::kGenerateName:
      return "generateName";
    case Slot::kNamespace:
      return "namespace";
    case Slot::kUid:
      return "uid";
    case Slot::kResourceVersion:
      return "resourceVersion";
    case Slot::kContinue:
      return "continue";
    case Slot::kCreated:
      return "creationTimestamp";
    case Slot::kDeletionTime:
      return "deletionTimestamp";
    case Slot::kAnnotations:
      return "annotations";
    case Slot::kInitialEventsEnd:
      return "k8s.io/initial-events-end";
    case Slot::kLabels:
    case Slot::kLabel:  // the API names no key in the paths of labels
      return "labels";
    case Slot::kSpec:
      return "spec";
    case Slot::kNodeName:
      return "nodeName";
    case Slot::kHostNetwork:
      return "hostNetwork";
    case Slot::kContainers:
      return "containers";
    case Slot::kInitContainers:
      return "initContainers";
    case Slot::kRestartPolicy:
      return "restartPolicy";
    case Slot::kPorts:
      return "ports";
    case Slot::kPortNumber:
      return "containerPort";
    case Slot::kPortProtocol:
      return "protocol";
    case Slot::kStatus:
      return "status";
    case Slot::kPhase:
      return "phase";
    case Slot::kPodIp:
      return "podIP";
    case Slot::kPodIps:
      return "podIPs";
    case Slot::kPodIpText:
    case Slot::kHostIpText:
      return "ip";
    case Slot::kHostIp:
      return "hostIP";
    case Slot::kHostIps:
      return "hostIPs";
    case Slot::kContainerStatuses:
      return "containerStatuses";
    case Slot::kContainerState:
      return "state";
    case Slot::kRunning:
      return "running";
    case Slot::kNodeAddresses:
      return "addresses";
    case Slot::kNodeAddressText:
      return "address";
    case Slot::kCode:
      return "code";
    case Slot::kReason:
      return "reason";
    case Slot::kMessage:
      return "message";
    case Slot::kDetails:
      return "details";
    case Slot::kRetryAfter:
      return "retryAfterSeconds";
    case Slot::kSkip:
    case Slot::kEvent:
    case Slot::kObject:
    case Slot::kContainer:
    case Slot::kInitContainer:
    case Slot::kPort:
    case Slot::kPodIpEntry:
    case Slot::kHostIpEntry:
    case Slot::kContainerStatus:
    case Slot::kNodeAddress:
      return "";
  }
  return "";
}

}  // namespace podgate::compiler
