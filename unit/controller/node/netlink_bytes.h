// Messages of rtnetlink, built byte by byte.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace podgate::controller {

class Bytes {
 public:
  Bytes& Header(std::uint16_t type, const void* header, std::size_t size) {
    nlmsghdr start{};
    start.nlmsg_type = type;
    Add(&start, sizeof start);
    Add(header, size);
    return *this;
  }
  Bytes& Attribute(int type, const void* data, std::size_t size) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + size),
                      static_cast<std::uint16_t>(type)};
    Add(&head, sizeof head);
    Add(data, size);
    return *this;
  }
  Bytes& Number(int type, std::uint32_t value) { return Attribute(type, &value, sizeof value); }
  Bytes& Text(int type, const std::string& text) {
    return Attribute(type, text.c_str(), text.size() + 1);
  }
  Bytes& Nested(int type, const Bytes& inner) {
    return Attribute(type, inner.bytes_.data(), inner.bytes_.size());
  }
  // The message, of all bytes or of the first `size`.
  const nlmsghdr* Message(std::size_t size = SIZE_MAX) {
    copy_.assign(bytes_.begin(),
                 bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(size, bytes_.size())));
    auto* message = reinterpret_cast<nlmsghdr*>(copy_.data());
    message->nlmsg_len = static_cast<std::uint32_t>(copy_.size());
    return message;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  void Add(const void* data, std::size_t size) {
    const auto* begin = static_cast<const char*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }
  std::vector<char> bytes_;
  std::vector<char> copy_;
};

}  // namespace podgate::controller
