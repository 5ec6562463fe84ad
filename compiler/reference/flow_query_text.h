// Text forms of flows on the command line: "NAMESPACE/POD", "ip:ADDRESS", "node:NAME"; destinations
// with
// ":PORT[/PROTO]" (before a port an IPv6 address stands in brackets: "ip:[fd00::1]:80/udp"). PROTO
// is tcp, udp, sctp or icmp, in any case; "/icmp" needs no port. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/reference/evaluate.h"

namespace podgate::compiler {

std::optional<EndpointName> ParseEndpointName(std::string_view text, std::string* error);
// Fills to, port and protocol of `flow`.
bool ParseTarget(std::string_view text, FlowQuery* flow, std::string* error);
// One line "FROM TO:PORT/PROTO".
std::optional<FlowQuery> ParseFlowQuery(std::string_view line, std::string* error);
std::string ToString(const EndpointName& end);
// The JSON object that explain prints: from, to, port, protocol, family, verdict (allow|deny),
// reason, egress, ingress.
std::string ToJson(const FlowQuery& flow, const FlowAnswer& verdict);

}  // namespace podgate::compiler
