#include "compiler/reference/flow_query_text.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace podgate::compiler {
namespace {

constexpr std::string_view kForms =
    "expected NAMESPACE/POD, ip:ADDRESS or node:NAME; a destination has :PORT[/PROTO] after it";

// Object names are DNS names; anything else is a typing error that is better named than looked up.
bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (const char c : text) {
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.') return false;
  }
  return true;
}

// What is shown of a text that could not be read: short, and nothing that a terminal would act on.
std::string Shown(std::string_view text) {
  constexpr std::size_t kMostShown = 80;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMostShown)) quoted += c < ' ' || c > '~' ? '?' : c;
  return quoted + (text.size() > kMostShown ? "…\"" : "\"");
}

std::optional<FlowProtocol> ParseProtocol(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "tcp") return FlowProtocol::kTcp;
  if (lower == "udp") return FlowProtocol::kUdp;
  if (lower == "sctp") return FlowProtocol::kSctp;
  if (lower == "icmp") return FlowProtocol::kIcmp;
  return std::nullopt;
}

bool ParsePort(std::string_view text, std::uint16_t* port) {
  unsigned value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size() || value < 1 || value > 65535)
    return false;
  *port = static_cast<std::uint16_t>(value);
  return true;
}

// Where the text of an end stops and ":PORT" or "/PROTO" begins; ends hold colons and slashes too.
std::size_t LengthOfEnd(std::string_view text) {
  if (text.starts_with("ip:[")) {
    const std::size_t bracket = text.find(']');
    return bracket == std::string_view::npos ? text.size() : bracket + 1;
  }
  if (text.starts_with("ip:")) {
    const std::size_t slash = text.find('/');
    const std::string_view head = text.substr(0, slash);
    // A bare IPv6 address can be followed by a protocol only: the last colon would be ambiguous.
    if (Address::Parse(head.substr(3))) return head.size();
    const std::size_t colon = head.rfind(':');
    return colon > 2 ? colon : head.size();
  }
  if (text.starts_with("node:")) return std::min(text.find_first_of(":/", 5), text.size());
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::min(text.find(':'), text.size());
  return std::min(text.find_first_of(":/", slash + 1), text.size());
}

const char* ProtocolText(FlowProtocol protocol) {
  switch (protocol) {
    case FlowProtocol::kTcp:
      return "TCP";
    case FlowProtocol::kUdp:
      return "UDP";
    case FlowProtocol::kSctp:
      return "SCTP";
    case FlowProtocol::kIcmp:
      break;
  }
  return "ICMP";
}

nlohmann::ordered_json SideJson(const SideAnswer& side, Direction direction) {
  nlohmann::ordered_json json;
  json["applies"] = side.applies;
  json["verdict"] = side.allowed ? "allow" : "deny";
  json["isolatedBy"] = nlohmann::ordered_json::array();
  for (const ObjectKey& policy : side.isolating) json["isolatedBy"].push_back(policy.ToString());
  if (side.policy) {
    json["policy"] = side.policy->ToString();
    json["direction"] = ToString(direction);
    json["index"] = side.rule;
  }
  json["reason"] = side.reason;
  return json;
}

}  // namespace

std::optional<EndpointName> ParseEndpointName(std::string_view text, std::string* error) {
  if (text.starts_with("ip:")) {
    std::string_view address = text.substr(3);
    if (address.starts_with('[') && address.ends_with(']'))
      address = address.substr(1, address.size() - 2);
    const std::optional<Address> parsed = Address::Parse(address);
    if (parsed) return EndpointName(*parsed);
    *error = fmt::format("{}: {} is not an IPv4 or IPv6 address", Shown(text), Shown(address));
    return std::nullopt;
  }
  if (text.starts_with("node:")) {
    const std::string_view name = text.substr(5);
    if (IsName(name)) return EndpointName(NodeName{std::string(name)});
    *error = fmt::format("{}: {} is not the name of a node", Shown(text), Shown(name));
    return std::nullopt;
  }
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos && IsName(text.substr(0, slash)) &&
      IsName(text.substr(slash + 1))) {
    return EndpointName(
        ObjectKey{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))});
  }
  *error = fmt::format("{} is not an endpoint: {}", Shown(text), kForms);
  return std::nullopt;
}

bool ParseTarget(std::string_view text, FlowQuery* query, std::string* error) {
  const std::size_t length = LengthOfEnd(text);
  const std::optional<EndpointName> end = ParseEndpointName(text.substr(0, length), error);
  if (!end) return false;
  std::string_view rest = text.substr(length);
  std::optional<std::string_view> port;
  if (rest.starts_with(':')) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    port = rest.substr(1, slash - 1);
    rest.remove_prefix(slash);
  }
  FlowProtocol protocol = FlowProtocol::kTcp;
  if (!rest.empty()) {
    const std::optional<FlowProtocol> parsed =
        rest.starts_with('/') ? ParseProtocol(rest.substr(1)) : std::nullopt;
    if (!parsed) {
      *error = fmt::format("{}: {} is not a protocol: expected /tcp, /udp, /sctp or /icmp",
                           Shown(text), Shown(rest));
      return false;
    }
    protocol = *parsed;
  }
  std::uint16_t number = 0;
  const bool without_port = protocol == FlowProtocol::kIcmp && (!port || port->empty());
  if (!without_port && !ParsePort(port.value_or(""), &number)) {
    *error = port ? fmt::format("{}: {} is not a port: expected a number from 1 to 65535",
                                Shown(text), Shown(*port))
                  : fmt::format("{} has no port: {}", Shown(text), kForms);
    return false;
  }
  query->to = *end;
  query->protocol = protocol;
  query->port = protocol == FlowProtocol::kIcmp ? 0 : number;
  return true;
}

std::optional<FlowQuery> ParseFlowQuery(std::string_view line, std::string* error) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;
       at = line.find_first_not_of(kBlank, at)) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  if (words.size() != 2) {
    *error = fmt::format("{} is not a probe: expected FROM TO:PORT/PROTO, two words on a line",
                         Shown(line));
    return std::nullopt;
  }
  const std::optional<EndpointName> from = ParseEndpointName(words[0], error);
  if (!from) return std::nullopt;
  FlowQuery query;
  query.from = *from;
  if (!ParseTarget(words[1], &query, error)) return std::nullopt;
  return query;
}

std::string ToString(const EndpointName& end) {
  if (const auto* pod = std::get_if<ObjectKey>(&end)) return pod->ToString();
  if (const auto* node = std::get_if<NodeName>(&end)) return "node:" + node->name;
  return "ip:" + std::get<Address>(end).ToString();
}

std::string ToJson(const FlowQuery& query, const FlowAnswer& answer) {
  nlohmann::ordered_json json;
  json["from"] = ToString(query.from);
  json["to"] = ToString(query.to);
  json["port"] = nullptr;
  if (query.protocol != FlowProtocol::kIcmp) json["port"] = query.port;
  json["protocol"] = ProtocolText(query.protocol);
  json["family"] = nullptr;
  if (answer.family) json["family"] = *answer.family == Family::kIPv4 ? "ipv4" : "ipv6";
  json["verdict"] = answer.allowed ? "allow" : "deny";
  json["reason"] = answer.reason;
  json["egress"] = SideJson(answer.egress, Direction::kEgress);
  json["ingress"] = SideJson(answer.ingress, Direction::kIngress);
  if (!answer.contested.empty()) json["contested"] = answer.contested;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace podgate::compiler
