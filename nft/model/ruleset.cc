// Keys of elements as the kernel lays them out, and what a rule refers to. Pure; any thread.
#include "nft/model/ruleset.h"

#include "nft/model/overloaded.h"

namespace podgate::nft {
namespace {

void AppendPadded(std::string_view bytes, Key* key) {
  key->append(bytes.begin(), bytes.end());
  while (key->size() % 4 != 0) key->push_back('\0');
}

void AppendService(std::uint8_t protocol, std::uint16_t port, Key* key) {
  AppendPadded(std::string(1, static_cast<char>(protocol)), key);
  AppendPadded(Bytes(ServiceKey(port)), key);
}

}  // namespace

std::string_view HookName(Hook hook) {
  switch (hook) {
    case Hook::kForward:
      return "forward";
    case Hook::kInput:
      return "input";
    case Hook::kOutput:
      return "output";
    case Hook::kIngress:
      return "ingress";
  }
  return "";
}

std::string_view FamilyName(TableFamily family) {
  return family == TableFamily::kInet ? "inet" : "netdev";
}

Key AddressKey(const ipset::Address& address) {
  const auto bytes = address.bytes();
  return Key(bytes.begin(), bytes.end());
}

Key ServiceKey(std::uint16_t port) {
  return {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)};
}

Key ProtocolServiceKey(std::uint8_t protocol, std::uint16_t port) {
  Key key;
  AppendService(protocol, port, &key);
  return key;
}

Key AddressProtocolServiceKey(const ipset::Address& address, std::uint8_t protocol,
                              std::uint16_t port) {
  Key key = AddressKey(address);  // 4 or 16 bytes: whole words already
  AppendService(protocol, port, &key);
  return key;
}

void CollectReferences(const Rule& rule, std::set<std::string>* sets, std::set<std::string>* chains,
                       std::set<std::string>* counters) {
  for (const Match& match : rule.matches) {
    if (const auto* address = std::get_if<MatchAddressSet>(&match)) sets->insert(address->set);
    if (const auto* service = std::get_if<MatchServiceSet>(&match)) sets->insert(service->set);
  }
  for (const Statement& statement : rule.statements) {
    if (const auto* count = std::get_if<CountBy>(&statement)) counters->insert(count->counter);
  }
  if (!rule.action) return;
  std::visit(Overloaded{[&](const Verdict& verdict) {
                          if (!verdict.chain.empty()) chains->insert(verdict.chain);
                        },
                        [](const Reject&) {}, [&](const auto& vmap) { sets->insert(vmap.map); }},
             *rule.action);
}

}  // namespace podgate::nft
