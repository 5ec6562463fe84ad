// What a reflector tells the loop: an object is there as it now is, an object is gone, or all
// objects of a kind have been told once. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/decode/decode.h"
#include "controller/base/clock.h"

namespace podgate::controller {

struct Message {
  enum class Type : std::uint8_t {
    kUpsert,  // `object`, with what the decoder had to say about it
    kDelete,  // the object `key`
    kEmpty,   // the object `key` is to be emptied (see emptied.h); `diagnostics` says why
    kListed,  // from now on the kind is known as a whole (said after every list)
  };
  Type type = Type::kUpsert;
  compiler::Kind kind = compiler::Kind::kUnknown;
  compiler::ObjectKey key;
  std::optional<compiler::Object> object;
  std::vector<compiler::Diagnostic> diagnostics;
  bool of_this_node = false;  // from the stream of this node's pods in every phase
  std::size_t bytes = 0;      // about what it holds in memory
  Clock::Time received;       // when the reflector had read it
};

// Where a reflector puts its messages.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // Waits while the receiver is behind. False: the receiver wants no more.
  virtual bool Put(Message message) = 0;
};

}  // namespace podgate::controller
