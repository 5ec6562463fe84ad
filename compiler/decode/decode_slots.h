// Which members of Pods, Namespaces, lists, watch events and Status objects are read, as a table: a
// slot is a place in an object whose value has a meaning here. Everything else is skipped at the
// lexer's speed. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace podgate::compiler {

enum class Slot : std::uint8_t {
  kSkip,    // of no use
  kEvent,   // a watch event
  kObject,  // an object of the API: the text's own, an event's, a list's item
  kEventType,
  kApiVersion,
  kKind,
  kItems,
  kMetadata,
  kName,
  kGenerateName,
  kNamespace,
  kUid,
  kResourceVersion,
  kContinue,
  kCreated,
  kDeletionTime,
  kAnnotations,
  kInitialEventsEnd,
  kLabels,
  kLabel,
  kSpec,
  kNodeName,
  kHostNetwork,
  kContainers,
  kContainer,
  kInitContainers,
  kInitContainer,
  kRestartPolicy,
  kPorts,
  kPort,
  kPortName,
  kPortNumber,
  kPortProtocol,
  kStatus,
  kPhase,
  kPodIp,
  kPodIps,
  kPodIpEntry,
  kPodIpText,
  kHostIp,
  kHostIps,
  kHostIpEntry,
  kHostIpText,
  kContainerStatuses,  // of containers, init containers and ephemeral containers
  kContainerStatus,
  kContainerState,
  kRunning,
  kNodeAddresses,
  kNodeAddress,
  kNodeAddressType,
  kNodeAddressText,
  kCode,
  kReason,
  kMessage,
  kDetails,
  kRetryAfter,
};

enum class SlotType : std::uint8_t { kObject, kArray, kString, kInteger, kBool };

struct SlotMember {
  std::string_view key;
  Slot slot;
};

// The members of an object in `slot` that are read.
std::span<const SlotMember> MembersOf(Slot slot);
// What each element of an array in `slot` is.
Slot ElementOf(Slot slot);
SlotType TypeOf(Slot slot);
// The member's key, as it stands in field paths; empty for elements and whole objects.
std::string_view KeyOf(Slot slot);

}  // namespace podgate::compiler
