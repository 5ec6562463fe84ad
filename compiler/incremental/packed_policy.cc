#include "compiler/incremental/packed_policy.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace podgate::compiler {
namespace {

// Both go over the same fields in the same order (see Fields below).
class Writer {
 public:
  static constexpr bool kReads = false;

  void operator()(std::uint64_t number) {  // seven bits in each byte, the lowest first
    for (; number >= 0x80; number >>= 7) bytes_.push_back(static_cast<char>(number | 0x80));
    bytes_.push_back(static_cast<char>(number));
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes_ += text;
  }
  void operator()(const ipset::Prefix& prefix) {
    const auto bytes = prefix.first().bytes();
    (*this)(bytes.size());
    bytes_.append(bytes.begin(), bytes.end());
    (*this)(static_cast<std::uint64_t>(prefix.length()));
  }
  std::string Take() {
    bytes_.shrink_to_fit();
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

// Of what a Writer wrote: never at its end too early.
class Reader {
 public:
  static constexpr bool kReads = true;

  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t Number() {
    std::uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      number |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return number;
    }
  }
  template <typename Integer>
  requires(std::is_integral_v<Integer> || std::is_enum_v<Integer>) void operator()(
      Integer& number) {
    number = static_cast<Integer>(Number());
  }
  void operator()(std::string& text) {
    const std::size_t size = Number();
    text = bytes_.substr(at_, size);
    at_ += size;
  }
  void operator()(ipset::Prefix& prefix) {
    const std::size_t size = Number();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(bytes_.data() + at_);
    at_ += size;
    const Family family = size == 4 ? Family::kIPv4 : Family::kIPv6;
    const auto address = Address::FromBytes(family, {bytes, size});
    prefix = ipset::Prefix(address.value_or(Address()), static_cast<int>(Number()));
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

template <typename A, typename T>
void Field(A& archive, T& value) {
  if constexpr (!A::kReads && (std::is_integral_v<std::remove_const_t<T>> ||
                               std::is_enum_v<std::remove_const_t<T>>)) {
    archive(static_cast<std::uint64_t>(value));
  } else {
    archive(value);
  }
}

template <typename A, typename List, typename Each>
void ForEach(A& archive, List& list, const Each& each) {
  std::uint64_t size = list.size();
  Field(archive, size);
  if constexpr (A::kReads) list.resize(size);
  for (auto& item : list) each(item);
}

template <typename A, typename Optional, typename Each>
void IfThere(A& archive, Optional& optional, const Each& each) {
  bool there = optional.has_value();
  Field(archive, there);
  if constexpr (A::kReads) {
    if (there) optional.emplace();
  }
  if (there) each(*optional);
}

template <typename A, typename Selector>
void SelectorFields(A& archive, Selector& selector) {
  ForEach(archive, selector.requirements, [&](auto& requirement) {
    Field(archive, requirement.key);
    Field(archive, requirement.op);
    ForEach(archive, requirement.values, [&](auto& value) { Field(archive, value); });
  });
}

template <typename A, typename Peer>
void PeerFields(A& archive, Peer& peer) {
  IfThere(archive, peer.pods, [&](auto& selector) { SelectorFields(archive, selector); });
  IfThere(archive, peer.namespaces, [&](auto& selector) { SelectorFields(archive, selector); });
  IfThere(archive, peer.block, [&](auto& block) {
    Field(archive, block.cidr);
    ForEach(archive, block.except, [&](auto& prefix) { Field(archive, prefix); });
  });
}

template <typename A, typename Rules>
void RulesFields(A& archive, Rules& rules) {
  ForEach(archive, rules, [&](auto& rule) {
    ForEach(archive, rule.peers, [&](auto& peer) { PeerFields(archive, peer); });
    ForEach(archive, rule.ports, [&](auto& port) {
      Field(archive, port.protocol);
      IfThere(archive, port.number, [&](auto& number) { Field(archive, number); });
      IfThere(archive, port.end, [&](auto& number) { Field(archive, number); });
      Field(archive, port.name);
    });
    Field(archive, rule.any_peer);
    Field(archive, rule.any_port);
    Field(archive, rule.index);
  });
}

template <typename A, typename Policy>
void Fields(A& archive, Policy& policy) {
  Field(archive, policy.key.ns);
  Field(archive, policy.key.name);
  Field(archive, policy.uid);
  SelectorFields(archive, policy.pods);
  Field(archive, policy.isolates_ingress);
  Field(archive, policy.isolates_egress);
  RulesFields(archive, policy.ingress);
  RulesFields(archive, policy.egress);
  ForEach(archive, policy.errors, [&](auto& error) {
    Field(archive, error.severity);
    Field(archive, error.file);
    Field(archive, error.line);
    Field(archive, error.column);
    Field(archive, error.object);
    Field(archive, error.field);
    Field(archive, error.message);
  });
}

}  // namespace

PackedPolicy::PackedPolicy(const NetworkPolicy& policy) {
  Writer writer;
  Fields(writer, policy);
  bytes_ = writer.Take();
}

NetworkPolicy PackedPolicy::Unpack() const {
  NetworkPolicy policy;
  Reader reader(bytes_);
  Fields(reader, policy);
  return policy;
}

}  // namespace podgate::compiler
