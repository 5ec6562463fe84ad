// The text forms of a FlowQuery and its answer. Ends are "NAMESPACE/POD", "ip:ADDRESS" or
// "node:NAME". A destination has ":PORT[/PROTO]" after it; before a port an IPv6 address stands in
// brackets: "ip:[fd00::1]:80/udp". PROTO is tcp, udp, sctp or icmp, in any case; "/icmp" needs no
// port. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/reference/flow_query.h"

namespace podgate::compiler {

std::optional<EndpointName> ParseEndpointName(std::string_view text, std::string* error);
// Fills to, port and protocol of `query`.
bool ParseTarget(std::string_view text, FlowQuery* query, std::string* error);
// One line "FROM TO:PORT/PROTO".
std::optional<FlowQuery> ParseFlowQuery(std::string_view line, std::string* error);
std::string ToString(const EndpointName& end);
// The JSON object that explain prints: from, to, port, protocol, family, verdict (allow|deny),
// reason, egress, ingress, and contested if an end's address is. Both directions have applies,
// verdict, isolatedBy, reason, and of the rule that allows: policy (NAMESPACE/NAME), direction,
// index in spec from 0.
std::string ToJson(const FlowQuery& query, const FlowAnswer& answer);

}  // namespace podgate::compiler
