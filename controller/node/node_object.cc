#include "controller/node/node_object.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace podgate::controller {
namespace {

using nlohmann::json;

// A Node lists its images and volumes, and annotations can be large: only what is read is kept.
json ParseTop(std::string_view body) {
  const auto keep = [](int depth, json::parse_event_t event, json& value) {
    if (event != json::parse_event_t::key || depth > 2) return true;
    const auto& key = value.get_ref<const std::string&>();
    if (depth == 2) return key == "name" || key == "addresses";
    return key == "kind" || key == "metadata" || key == "status" || key == "reason" ||
           key == "message" || key == "details";
  };
  return json::parse(body, keep, false);
}

std::string Text(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const json& Child(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto it = object.find(key);
  return it != object.end() ? *it : nothing;
}

bool SaysAbsent(std::string_view node, const json& status) {
  if (Text(status, "kind") != "Status" || Text(status, "reason") != "NotFound") return false;
  const std::string quoted = fmt::format("\"{}\"", node);
  return Text(Child(status, "details"), "name") == node ||
         Text(status, "message").find(quoted) != std::string::npos;
}

nft::Addresses AddressesOf(const json& node) {
  nft::Addresses addresses;
  const json& list = Child(Child(node, "status"), "addresses");
  if (!list.is_array()) return addresses;
  for (const json& entry : list) {
    const std::string type = Text(entry, "type");
    if (type != "InternalIP" && type != "ExternalIP") continue;
    if (const auto address = ipset::Address::Parse(Text(entry, "address")))
      addresses.push_back(*address);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace

std::string NodeTarget(std::string_view node) {
  std::string target = "/api/v1/nodes/";
  for (const char c : node) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    target += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return target;
}

NodeObject ReadNodeObject(std::string_view node, int status, std::string_view body) {
  NodeObject object;
  if (status != 200 && status != 404) return object;
  const json said = ParseTop(body);
  if (status == 404) {
    if (SaysAbsent(node, said)) object.state = NodeObject::State::kAbsent;
    return object;
  }
  if (Text(said, "kind") != "Node" || Text(Child(said, "metadata"), "name") != node) return object;
  object.state = NodeObject::State::kFound;
  object.addresses = AddressesOf(said);
  return object;
}

}  // namespace podgate::controller
