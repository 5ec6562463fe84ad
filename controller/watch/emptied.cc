#include "controller/watch/emptied.h"

#include <utility>

#include "controller/watch/object_size.h"

namespace podgate::controller {
namespace {

constexpr std::size_t kMaxSelectorBytes = 4096;
constexpr const char* kRest = "~more";

compiler::Diagnostic Error(std::string object, const std::string& why) {
  compiler::Diagnostic diagnostic;
  diagnostic.object = std::move(object);
  diagnostic.message = why;
  return diagnostic;
}

}  // namespace

void Empty(const std::string& why, compiler::Object* object,
           std::vector<compiler::Diagnostic>* diagnostics) {
  diagnostics->clear();
  if (auto* policy = std::get_if<compiler::NetworkPolicy>(object)) {
    if (SizeOf(policy->pods) > kMaxSelectorBytes) policy->pods = {};
    policy->ingress = {};
    policy->egress = {};
    policy->errors = {Error("networkpolicy " + policy->key.ToString(), why)};
    *diagnostics = policy->errors;
  } else if (auto* pod = std::get_if<compiler::Pod>(object)) {
    pod->labels = {};
    pod->ports = {};
    diagnostics->push_back(Error("pod " + pod->key.ToString(), why));
  } else {
    auto& ns = std::get<compiler::Namespace>(*object);
    ns.labels = {};
    diagnostics->push_back(Error("namespace " + ns.name, why));
  }
}

compiler::NetworkPolicy PolicyForTheRest(const std::string& ns, const std::string& why) {
  compiler::NetworkPolicy policy;
  policy.key = {ns, kRest};
  policy.isolates_egress = true;
  policy.errors = {Error("networkpolicies of namespace " + ns, why)};
  return policy;
}

}  // namespace podgate::controller
