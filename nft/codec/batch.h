// One netlink batch while it is written: messages one after the other between BATCH_BEGIN and
// BATCH_END, each with its own sequence number, so that an error leads back to what the message was
// made for. The last message asks for an acknowledgement: without it nothing would tell a committed
// batch from one whose answers were lost. Internal to nft/; not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

struct nlmsghdr;

namespace podgate::nft {

// What a message was made for: an operation of the step and, for one with several messages, a part
// of it (for SetRules the rule's index, or kWhole for a flush).
struct RequestOrigin {
  static constexpr std::size_t kWhole = static_cast<std::size_t>(-1);
  std::size_t operation = kWhole;  // kWhole: the batch itself
  std::size_t part = kWhole;
};

// An error that the kernel reported for a message of a batch.
struct BatchError {
  std::uint32_t sequence = 0;
  int error = 0;  // errno value
  // Of the attribute at fault, from the start of the message; 0: not known.
  std::uint32_t attribute_offset = 0;
};

class Batch {
 public:
  static constexpr std::uint8_t kInetTables = 1;  // NFPROTO_INET

  // With a generation the kernel refuses the batch (ERESTART) once it has another.
  // `family`: the kernel's number of the tables' family, of all messages.
  explicit Batch(std::uint32_t first_sequence,
                 std::optional<std::uint32_t> generation = std::nullopt,
                 std::uint8_t family = kInetTables);

  // Starts a message with its nfnetlink header. The pointer is good until the next
  // Begin(); attributes up to 128 KiB may be added behind it.
  nlmsghdr* Begin(std::uint16_t type, std::uint16_t flags, const RequestOrigin& origin);
  // The message is complete.
  void Finish(const nlmsghdr* message);
  // The batch is complete. Once.
  void End();

  const char* data() const { return buffer_.data(); }
  std::size_t size() const { return size_; }
  std::uint32_t next_sequence() const {
    return first_sequence_ + static_cast<std::uint32_t>(messages_.size());
  }

  // The number of the message that asks for the acknowledgement. A batch without messages has none;
  // it does nothing.
  std::optional<std::uint32_t> acknowledged() const { return acknowledged_; }

  // nullptr when no message of the batch has the number.
  const RequestOrigin* RequestOriginOf(std::uint32_t sequence) const;
  const nlmsghdr* MessageOf(std::uint32_t sequence) const;

 private:
  struct Message {
    std::size_t offset;
    RequestOrigin origin;
  };
  char* Room();
  std::uint32_t Start(const RequestOrigin& origin);

  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::uint32_t first_sequence_;
  std::uint8_t family_;
  std::vector<Message> messages_;
  std::optional<std::uint32_t> acknowledged_;
};

}  // namespace podgate::nft
