// The same objects as JSON and as YAML, written in many ways, mean the same and are wrong in the
// same places.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "unit/compiler/load/load_helpers.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using nlohmann::json;
using Random = std::mt19937_64;

std::size_t Below(Random* random, std::size_t limit) { return (*random)() % limit; }
bool Chance(Random* random, std::size_t percent) { return Below(random, 100) < percent; }

json Pick(Random* random, std::initializer_list<json> values) {
  return *(values.begin() + static_cast<std::ptrdiff_t>(Below(random, values.size())));
}

// What somebody may have written in place of anything.
json Odd(Random* random) {
  return Pick(random, {nullptr,
                       true,
                       false,
                       0,
                       -1,
                       80,
                       65536,
                       80.5,
                       "",
                       "a",
                       "80",
                       "yes",
                       "null",
                       "~",
                       "1e3",
                       "0x10",
                       "a b",
                       "- a",
                       "a: b",
                       "# a",
                       "'",
                       "\"",
                       "é",
                       "10.0.0.0/8",
                       "{}",
                       "[",
                       "*a",
                       "&a",
                       "!a",
                       "%a",
                       "@a",
                       "a\nb",
                       "\ttab",
                       " a ",
                       "<<",
                       "---",
                       json::array(),
                       json::object(),
                       json::array({"a"}),
                       json{{"a", "b"}}});
}

json Selector(Random* random) {
  json selector = json::object();
  if (Chance(random, 60))
    selector["matchLabels"] = {{"app", Pick(random, {"web", "db", "1", "true", ""})}};
  if (Chance(random, 40)) {
    selector["matchExpressions"] =
        json::array({Pick(random, {json{{"key", "a"}, {"operator", "In"}, {"values", {"b", "010"}}},
                                   json{{"key", "x.y/z"}, {"operator", "DoesNotExist"}}})});
  }
  return selector;
}

json Rule(Random* random, const char* peers) {
  json rule = json::object();
  if (Chance(random, 70)) {
    rule[peers] =
        json::array({json{{"podSelector", Selector(random)}},
                     json{{"ipBlock", {{"cidr", "10.0.0.0/8"}, {"except", {"10.1.0.0/16"}}}}}});
  }
  if (Chance(random, 70)) {
    rule["ports"] =
        json::array({Pick(random, {json{{"port", 80}}, json{{"port", "http"}, {"protocol", "UDP"}},
                                   json{{"port", 80}, {"endPort", 90}}})});
  }
  return rule;
}

json Policy(Random* random) {
  json spec = {{"podSelector", Selector(random)}};
  if (Chance(random, 70))
    spec["ingress"] = json::array({Rule(random, "from"), Rule(random, "from")});
  if (Chance(random, 50)) spec["egress"] = json::array({Rule(random, "to")});
  if (Chance(random, 50))
    spec["policyTypes"] = Pick(random, {json{"Ingress"}, json{"Egress", "Ingress"}});
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "NetworkPolicy"},
          {"metadata", {{"name", "p"}, {"namespace", "x"}}},
          {"spec", spec}};
}

json PodObject(Random* random) {
  return {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", "a"}, {"namespace", "x"}, {"labels", {{"app", "web"}, {"v", "1.10"}}}}},
      {"spec",
       {{"nodeName", "n"},
        {"hostNetwork", Chance(random, 30)},
        {"containers", {{{"name", "c"}, {"ports", {{{"name", "http"}, {"containerPort", 80}}}}}}}}},
      {"status", {{"phase", "Running"}, {"podIPs", {{{"ip", "10.0.0.1"}}, {{"ip", "fd00::1"}}}}}}};
}

// Puts something odd somewhere below metadata, spec or status.
void Spoil(Random* random, json* object) {
  json* at = &(*object)[Pick(random, {"metadata", "spec"}).get<std::string>()];
  while (at->is_structured() && !at->empty() && !Chance(random, 25)) {
    const auto step = static_cast<std::ptrdiff_t>(Below(random, at->size()));
    at = &*std::next(at->begin(), step);
  }
  if (at->is_object() && Chance(random, 40)) {
    (*at)[Pick(random, {"extra", "Ports", "port", "yes", "1"}).get<std::string>()] = Odd(random);
  } else {
    *at = Odd(random);
  }
}

// What separates the next member from those in `text`, which begins with a bracket.
const char* Comma(const std::string& text) { return text.size() > 1 ? ", " : ""; }

// A writer of YAML that likes variety.
class Writer {
 public:
  explicit Writer(Random* random) : random_(*random) {}

  std::string Document(const json& value) { return Block(value, 0) + "\n"; }

 private:
  // Beginning where the text stands, the further lines indented.
  std::string Block(const json& value, std::size_t indent) {
    if (!value.is_structured() || value.empty() || Chance(&random_, 20)) return FlowQuery(value);
    std::string text;
    const std::string begin = "\n" + std::string(indent, ' ');
    if (value.is_array()) {
      for (const json& item : value) text += begin + "- " + Block(item, indent + 2);
      return text;
    }
    for (const auto& [key, item] : value.items()) {
      text += begin + Quoted(key) + ": ";
      text += Block(item, indent + 1 + Below(&random_, 3));
      if (Chance(&random_, 10)) text += "  # comment: {";
    }
    return text;
  }

  std::string FlowQuery(const json& value) {
    if (value.is_string()) {
      return Safe(value) && Chance(&random_, 60) ? value.get<std::string>() : Quoted(value);
    }
    if (value.is_null()) return Chance(&random_, 50) ? "null" : "~";
    if (value.is_boolean()) return value ? (Chance(&random_, 50) ? "yes" : "true") : "off";
    if (value.is_array()) {
      std::string text = "[";
      for (const json& item : value) {
        text += Comma(text);
        text += FlowQuery(item);
      }
      return text + "]";
    }
    if (value.is_object()) {
      std::string text = "{";
      for (const auto& [key, item] : value.items()) {
        text += Comma(text);
        text += Quoted(key) + ": " + FlowQuery(item);
      }
      return text + "}";
    }
    return value.dump();
  }

  // Strings that are strings without quotes, too.
  static bool Safe(const std::string& text) {
    static const std::vector<std::string> words = {
        "web",      "db",      "http",          "a",
        "In",       "Ingress", "Egress",        "UDP",
        "x",        "p",       "10.0.0.0/8",    "10.1.0.0/16",
        "v1",       "Pod",     "NetworkPolicy", "networking.k8s.io/v1",
        "10.0.0.1", "Running"};
    return std::find(words.begin(), words.end(), text) != words.end();
  }

  std::string Quoted(const std::string& text) {
    if (text.find_first_of("\n\t") == std::string::npos && Chance(&random_, 50)) {
      std::string quoted = "'";
      for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
      return quoted + "'";
    }
    return json(text).dump();
  }

  Random& random_;
};

// Everything but the places.
std::string Meaning(const LoadResult& result) {
  std::vector<std::string> lines;
  for (Diagnostic diagnostic : result.diagnostics) {
    diagnostic.line = diagnostic.column = 0;
    lines.push_back(diagnostic.ToString());
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

void ExpectSame(const LoadResult& a, const LoadResult& b, const std::string& yaml,
                const std::string& how) {
  ASSERT_EQ(Meaning(a), Meaning(b)) << how << "\n" << yaml;
  ASSERT_EQ(a.cluster.pods, b.cluster.pods) << how << "\n" << yaml;
  ASSERT_EQ(a.cluster.policies.size(), b.cluster.policies.size()) << how << "\n" << yaml;
  for (const auto& [key, policy] : a.cluster.policies) {
    const NetworkPolicy& other = b.cluster.policies.at(key);
    ASSERT_EQ(policy.pods, other.pods) << how << "\n" << yaml;
    ASSERT_EQ(policy.ingress, other.ingress) << how << "\n" << yaml;
    ASSERT_EQ(policy.egress, other.egress) << how << "\n" << yaml;
    ASSERT_EQ(policy.isolates_ingress, other.isolates_ingress) << how << "\n" << yaml;
    ASSERT_EQ(policy.isolates_egress, other.isolates_egress) << how << "\n" << yaml;
  }
}

TEST(Equivalence, YamlAndJsonOfTheSameObjects) {
  SCOPED_TRACE(unit::SeedNote());
  Random random(unit::Seed());
  std::size_t valid = 0;
  for (int round = 0; round < 3000; ++round) {
    json object = Chance(&random, 70) ? Policy(&random) : PodObject(&random);
    for (std::size_t n = Below(&random, 3); n > 0; --n) Spoil(&random, &object);
    const LoadResult from_json = test::Load(object.dump());
    valid += from_json.HasErrors() ? 0 : 1;
    const std::string yaml = Writer(&random).Document(object);
    ExpectSame(from_json, test::Load(yaml), yaml, "YAML");
    // As an item of a list, with members in another order (nlohmann's objects are sorted).
    const std::string list =
        R"({"kind":"List","apiVersion":"v1","items":[)" + object.dump(1) + "]}";
    ExpectSame(from_json, test::Load(list), list, "list");
  }
  EXPECT_GT(valid, 500u);
  EXPECT_LT(valid, 2500u);
}

TEST(Equivalence, TheOrderOfMembersMeansNothing) {
  SCOPED_TRACE(unit::SeedNote());
  Random random(unit::Seed() + 1);
  const std::function<std::string(const json&)> shuffled = [&](const json& value) {
    if (!value.is_structured()) return value.dump();
    std::vector<std::string> parts;
    for (const auto& [key, item] : value.items()) {
      parts.push_back(value.is_object() ? json(key).dump() + ":" + shuffled(item) : shuffled(item));
    }
    if (value.is_object()) std::shuffle(parts.begin(), parts.end(), random);
    std::string text(1, value.is_object() ? '{' : '[');
    for (const std::string& part : parts) {
      text += Comma(text);
      text += part;
    }
    return text + (value.is_object() ? '}' : ']');
  };
  for (int round = 0; round < 2000; ++round) {
    json object = Chance(&random, 70) ? Policy(&random) : PodObject(&random);
    for (std::size_t n = Below(&random, 3); n > 0; --n) Spoil(&random, &object);
    const std::string text = shuffled(object);
    ExpectSame(test::Load(object.dump()), test::Load(text), text, "shuffled");
  }
}

}  // namespace
}  // namespace podgate::compiler
