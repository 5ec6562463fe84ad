// Objects that an API server may hold although nobody would write them: whatever one of them is
// like, its neighbours in a list and the next event of a watch are read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "compiler/decode/decode.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

class Strange {
 public:
  explicit Strange(std::uint64_t seed) : random_(seed) {}

  // One member's value: any JSON that Go's reader takes (which refuses numbers beyond a double),
  // some of it deep, long or of a type that nobody expects there.
  std::string Value() {
    switch (Below(12)) {
      case 0:
        return "null";
      case 1:
        return Below(2) == 0 ? "true" : "false";
      case 2:
        return Pick({"0", "-1", "80", "-0.0", "18446744073709551616", "1.5",
                     "99999999999999999999999999999999999999999999"});
      case 3:
      case 4:
        return Text();
      case 5: {
        const std::size_t depth = 1 + Below(20'000);
        return std::string(depth, '[') + std::string(depth, ']');
      }
      case 6: {
        std::string text, end;
        for (std::size_t depth = Below(20'000); depth > 0; --depth) {
          text += R"({"f:x":)";
          end += '}';
        }
        return text + "1" + end;
      }
      case 7:
        return "{}";
      case 8:
        return "[]";
      case 9:
        return fmt::format("[{},{}]", Value(), Value());
      default:
        return Object({"key", "values", "name", "ip", "cidr", "from", "podSelector", "f:x", ""});
    }
  }

  // An object of the API with a name of its own; the rest of it is strange.
  std::string Item(const std::string& name) {
    std::string metadata = R"({"name":")" + name + R"(","namespace":"x")";
    for (std::size_t i = Below(4); i > 0; --i) {
      metadata +=
          fmt::format(",\"{}\":{}",
                      Pick({"labels", "annotations", "managedFields", "uid", "resourceVersion",
                            "ownerReferences", "deletionTimestamp", "selfLink", "new"}),
                      Value());
    }
    std::string item = R"({"metadata":)";
    item.append(metadata).append("}");
    for (std::size_t i = Below(4); i > 0; --i)
      item += fmt::format(",\"{}\":{}",
                          Pick({"spec", "status", "kindness", "data", "\\u0000", "items"}), Spec());
    return item + "}";
  }

 private:
  std::size_t Below(std::size_t bound) { return random_() % bound; }
  std::string Pick(const std::vector<std::string>& from) { return from[Below(from.size())]; }
  std::string Text() {
    static const std::vector<std::string> kPieces{
        "a", "\\u0000", "\\u001f", "\\ud83d\\ude00", "\\\\", "\\\"", "\xc3\xa9", "/", "\\n", " "};
    std::string text = "\"";
    const std::size_t length = Below(20) == 0 ? Below(200'000) : Below(70);
    for (std::size_t i = 0; i < length; ++i) text += kPieces[Below(kPieces.size())];
    return text + "\"";
  }
  std::string Object(const std::vector<std::string>& keys) {
    std::string text = "{";
    for (std::size_t i = Below(4); i > 0; --i)
      text += fmt::format("{}\"{}\":{}", text.size() > 1 ? "," : "", Pick(keys), Value());
    return text + "}";
  }
  std::string Spec() {
    if (Below(3) == 0) return Value();
    return Object({"podSelector", "ingress", "egress", "policyTypes", "nodeName", "hostNetwork",
                   "containers", "initContainers", "podIPs", "podIP", "phase", "hostIP",
                   "finalizers"});
  }

  std::mt19937_64 random_;
};

std::string NameOf(const Decoded& decoded) {
  if (!decoded.object) return "";
  if (const auto* pod = std::get_if<Pod>(&*decoded.object)) return pod->key.name;
  if (const auto* ns = std::get_if<Namespace>(&*decoded.object)) return ns->name;
  return std::get<NetworkPolicy>(*decoded.object).key.name;
}

TEST(StrangeObjects, KeepNobodyElseFromBeingRead) {
  SCOPED_TRACE(unit::SeedNote());
  Strange strange(unit::Seed());
  const std::pair<const char*, Kind> kinds[] = {{"PodList", Kind::kPod},
                                                {"NamespaceList", Kind::kNamespace},
                                                {"NetworkPolicyList", Kind::kNetworkPolicy}};
  for (int round = 0; round < 400; ++round) {
    for (const auto& [list, kind] : kinds) {
      const std::string item = strange.Item("strange");
      std::vector<std::string> names;
      const auto page =
          DecodeList(fmt::format(R"({{"kind":"{}","items":[{{"metadata":{{"name":"first"}}}},{},)"
                                 R"({{"metadata":{{"name":"last"}}}}]}})",
                                 list, item),
                     kind, [&](Decoded&& decoded) { names.push_back(NameOf(decoded)); });
      ASSERT_TRUE(std::holds_alternative<ListMeta>(page))
          << std::get<Diagnostic>(page).ToString() << item.substr(0, 2000);
      ASSERT_EQ(names.size(), 3u) << item.substr(0, 2000);
      EXPECT_EQ(names.front(), "first");
      EXPECT_EQ(names.back(), "last");

      const auto event =
          DecodeWatchEvent(fmt::format(R"({{"type":"ADDED","object":{}}})", item), kind);
      EXPECT_TRUE(std::holds_alternative<WatchEvent>(event)) << item.substr(0, 2000);
    }
  }
}

// The longest JSON of what etcd stores: every byte a control character.
TEST(StrangeObjects, TheLongestObjectThatIsStoredIsRead) {
  std::string item = R"({"metadata":{"name":"a","annotations":{"b":")";
  for (std::size_t i = 0; i < (3u << 19); ++i) item += "\\u0001";
  item += R"("}}})";
  std::size_t items = 0;
  const auto page = DecodeList(
      R"({"kind":"PodList","apiVersion":"v1","items":[)" + item + "," + item + "]}", Kind::kPod,
      [&](Decoded&& decoded) { items += decoded.object.has_value() ? 1 : 0; });
  EXPECT_TRUE(std::holds_alternative<ListMeta>(page));
  EXPECT_EQ(items, 2u);
}

}  // namespace
}  // namespace podgate::compiler
