// Keys and elements as nft text.
#include <fmt/format.h>

#include "ipset/address_set.h"
#include "nft/model/canonical.h"
#include "nft/text/print.h"
#include "nft/text/print_parts.h"

namespace podgate::nft {
namespace {

std::string FieldText(Field field, std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  switch (field) {
    case Field::kIpv4Addr:
    case Field::kIpv6Addr: {
      const Family family = field == Field::kIpv4Addr ? Family::kIPv4 : Family::kIPv6;
      return ipset::Address::FromBytes(family, {data, bytes.size()})
          .value_or(ipset::Address())
          .ToString();
    }
    case Field::kInetProto:
      return PrintProtocol(data[0]);
    case Field::kInetService:
      return fmt::to_string(data[0] << 8 | data[1]);
  }
  return "";
}

// How many elements nft puts on one line of a listing.
std::size_t ElementsPerLine(const std::vector<Field>& key) {
  if (key.size() != 1) return 1;
  switch (key[0]) {
    case Field::kIpv4Addr:
      return 2;
    case Field::kIpv6Addr:
      return 1;
    case Field::kInetProto:
    case Field::kInetService:
      return 5;
  }
  return 1;
}

}  // namespace

std::string PrintProtocol(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "tcp";
    case kUdp:
      return "udp";
    case kSctp:
      return "sctp";
    case kIcmp:
      return "icmp";
    case kIcmpv6:
      return "icmpv6";
    default:
      return fmt::to_string(protocol);
  }
}

std::string PrintKey(const Key& key, const std::vector<Field>& fields) {
  if (fields.empty() || key.size() != KeyBytes(fields)) {
    std::string hex = "0x";
    for (const char byte : key) hex += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
    return hex;
  }
  std::string text;
  std::size_t offset = 0;
  for (const Field field : fields) {
    if (offset != 0) text += " . ";
    const std::size_t bytes = FieldBytes(field);
    text += FieldText(field, Bytes(key).substr(offset, bytes));
    offset += (bytes + 3) / 4 * 4;
  }
  return text;
}

std::string PrintInterval(const Element& element, Field field) {
  const std::string first = PrintKey(element.key, {field});
  if (element.last.empty() || element.last == element.key) return first;
  const auto start = ipset::Address::Parse(first);
  const auto end = ipset::Address::Parse(PrintKey(element.last, {field}));
  if (start && end && start->family() == end->family()) {
    const auto prefixes = ipset::AddressSet::OfIntervals({{*start, *end}}).Prefixes();
    if (prefixes.size() == 1) return prefixes[0].ToString();
  }
  return first + "-" + PrintKey(element.last, {field});
}

std::string PrintElements(const std::vector<Element>& elements, const std::vector<Field>& key,
                          bool interval, bool with_verdicts) {
  const std::size_t per_line = ElementsPerLine(key);
  std::string text;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i != 0) text += i % per_line == 0 ? ",\n\t\t\t     " : ", ";
    const Element& element = elements[i];
    text +=
        interval && key.size() == 1 ? PrintInterval(element, key[0]) : PrintKey(element.key, key);
    if (element.verdict && with_verdicts) text += " : " + Print(*element.verdict);
  }
  return text;
}

std::string PrintType(const Set& set) {
  std::string text = "type ";
  for (std::size_t i = 0; i < set.key.size(); ++i) {
    if (i != 0) text += " . ";
    text += TypeName(set.key[i]);
  }
  if (set.verdict_map) text += " : verdict";
  return text;
}

}  // namespace podgate::nft
