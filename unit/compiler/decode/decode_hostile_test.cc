// Input that means harm: an error in bounded memory and time, never a crash.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "compiler/decode/decode.h"
#include "compiler/load/load_files.h"
#include "unit/compiler/load/load_helpers.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PODGATE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PODGATE_SANITIZED 1
#endif
#endif

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Generous: the machine may be busy, and a sanitizer slow. What is quadratic takes hours.
constexpr double kSoon = 60;

TEST(Hostile, AliasBombs) {
  std::string lists = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  std::string maps = "a0: &a0 {a: x, b: x}\n";
  std::string merges = "a0: &a0 {k0: x}\n";
  for (int i = 1; i < 30; ++i) {
    const std::string id = std::to_string(i);
    const std::string alias = std::string("*a").append(std::to_string(i - 1));
    lists += "a" + id + ": &a" + id + " [";
    for (int k = 0; k < 10; ++k) lists.append(k == 0 ? "" : ", ").append(alias);
    lists += "]\n";
    maps += "a" + id + ": &a" + id + " {a: " + alias + ", b: " + alias + "}\n";
    merges += "a" + id + ": &a" + id + " {<<: [" + alias + ", " + alias + "], k" + id + ": x}\n";
  }
  const Stopwatch watch;
  for (const std::string& bomb : {lists, maps, merges}) {
    const std::string messages = Messages(bomb);
    EXPECT_NE(std::string::npos,
              messages.find("the document's aliases and merge keys expand to more than 64 MiB"))
        << messages;
  }
  EXPECT_LT(watch.Seconds(), kSoon);
}

// Keys are copied as values are.
TEST(Hostile, AliasesOfALargeKey) {
  std::string text = "a: &a " + std::string(1'000'000, 'x') + "\nb:\n";
  for (int i = 0; i < 100; ++i) text += "- {*a : 1}\n";
  EXPECT_EQ("f:70:4: the document's aliases and merge keys expand to more than 64 MiB\n",
            Messages(text));
}

TEST(Hostile, AnAnchoredDocumentOfAnySize) {
  // kubectl takes this one.
  std::string text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\na: &all\n";
  for (int i = 0; i < 100'000; ++i) text += "- x\n";
  EXPECT_EQ("", Messages(text + "b: *all\nc: *all\n"));
  for (int i = 0; i < 700'000; ++i) text += "- x\n";
  EXPECT_EQ("f:800005:4: the alias \"all\" refers to a node that holds it, or that is too large\n",
            Messages(text + "b: *all\n"));
}

// Each level of these is one of the stack.
TEST(Hostile, AliasesOfAliasesWithoutEnd) {
  std::string lists = "a0: &a0 [x]\n";
  std::string merges = "a0: &a0 {k: x}\n";
  for (int i = 1; i < 5000; ++i) {
    const std::string id = std::to_string(i);
    const std::string alias = "*a" + std::to_string(i - 1);
    lists.append("a").append(id).append(": &a").append(id).append(" [").append(alias).append("]\n");
    merges.append("a").append(id).append(": &a").append(id).append(" {<<: ").append(alias).append(
        "}\n");
  }
  for (const std::string& text : {lists, merges}) {
    EXPECT_NE(std::string::npos,
              Messages(text).find("aliases and merge keys nest deeper than 500 levels"))
        << Messages(text);
  }
}

TEST(Hostile, DeepNesting) {
  const Stopwatch watch;
  EXPECT_EQ("f:1:500006: not valid JSON: the text ends in the middle of a value\n",
            Messages(std::string("{\"a\":").append(500'000, '[')));
  EXPECT_EQ("f:1:500001: not valid JSON: the text ends in the middle of a value\n", Messages([] {
              std::string text;
              for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
              return text;
            }()));
  // In a policy, whose values are kept until its kind is known.
  EXPECT_EQ(
      "f:1:500068: not valid JSON: the text ends in the middle of a value\n",
      Messages(std::string(
                   "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"spec\":")
                   .append(500'000, '[')));
  EXPECT_NE("", Messages(std::string("a: ").append(1'000'000, '[')));
  EXPECT_NE("", Messages(std::string("a: ").append(1'000'000, '{')));
  std::string block;
  for (int i = 0; i < 2000; ++i) block.append(static_cast<std::size_t>(i), ' ').append("a:\n");
  EXPECT_NE("", Messages(block));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_NE("", Messages(dashes));
  EXPECT_LT(watch.Seconds(), kSoon);
}

TEST(Hostile, EveryPrefixOfATextIsReadOrRefused) {
  const std::string yaml = TEST_POLICY
      "spec:\n  podSelector: &s {matchLabels: {app: \"w\\u0065b\"}}\n"
      "  ingress:\n  - from: [{podSelector: *s}, {ipBlock: {cidr: 'fd00::/8'}}]\n"
      "    ports:\n    - {<<: {port: 80}, endPort: 90}\n---\nkind: Namespace\napiVersion: "
      "v1\nmetadata: {name: |-\n x\n}\n";
  const std::string json =
      R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a\u00e9\ud83d\ude00",)"
      R"("labels":{"a":"b"}},"spec":{"hostNetwork":false},"status":{"podIPs":[{"ip":"10.0.0.1"}]}}, null, 1.5e3]})";
  for (const std::string& text : {yaml, json}) {
    for (std::size_t length = 0; length <= text.size(); ++length) {
      for (const char* tail : {"", "\xff", "\xc3", "\x01", "\"", "}", "\n---\n"}) {
        const LoadResult result = Load(text.substr(0, length) + tail);
        for (const Diagnostic& diagnostic : result.diagnostics) {
          EXPECT_EQ(std::string::npos, diagnostic.ToString().find('\n'));
        }
      }
    }
  }
}

TEST(Hostile, BytesThatAreNoText) {
  EXPECT_EQ("f:1:3: not valid UTF-8: byte 0xff\n", Messages("a:\xff\n"));
  EXPECT_EQ("f:1:4: not valid UTF-8: byte 0xc0\n", Messages("a: \xc0\x80\n"));      // overlong
  EXPECT_EQ("f:1:4: not valid UTF-8: byte 0xed\n", Messages("a: \xed\xa0\x80\n"));  // half a pair
  EXPECT_EQ("f:1:4: not valid UTF-8: byte 0xf4\n", Messages("a: \xf4\x90\x80\x80\n"));  // too large
  EXPECT_EQ("f:2:3: not valid UTF-8: byte 0xe2\n", Messages("a: b\nc:\xe2\x82"));       // cut off
  EXPECT_EQ("f: not valid UTF-16\n", Messages("\xff\xfe"
                                              "a"));  // half a unit
  EXPECT_EQ("f: not valid UTF-16\n", Messages("\xfe\xff\xd8\x3d"
                                              "ab"));                // half a pair
  EXPECT_EQ("f: not valid UTF-16\n", Messages("\xfe\xff\xdc\x01"));  // the other half
  EXPECT_EQ("f:1:2: not valid YAML: there is a control character, byte 0x00\n",
            Messages(std::string_view("a\0", 2)));
  EXPECT_EQ("f:1:8: not valid JSON: there is a NUL byte\n",
            Messages(std::string_view("{\"a\":1,\0}", 9)));
}

TEST(Hostile, MessagesAreBounded) {
  std::string items = "apiVersion: v1\nkind: List\nitems:\n";
  for (int i = 0; i < 50'000; ++i) items += "- {}\n";
  const LoadResult result = Load(items);
  EXPECT_EQ(10'001u, result.diagnostics.size());
  EXPECT_EQ("f: there are 40000 more problems", result.diagnostics.back().ToString());
  EXPECT_TRUE(result.HasErrors());
  const std::string name(1'000'000, 'n');
  for (const Diagnostic& diagnostic :
       Load(TEST_POLICY "spec: {" + name + ": 1, podSelector: {matchLabels: {" + name + ": " +
            name + "}}, policyTypes: [" + name + "], ingress: [{ports: [{port: " + name +
            "}], from: [{ipBlock: {cidr: " + name + "}}]}]}\n")
           .diagnostics) {
    EXPECT_LT(diagnostic.ToString().size(), 1000u) << diagnostic.field;
  }
}

TEST(Hostile, ManyNestedListsAndMembers) {
  const Stopwatch watch;
  std::string lists = R"({"kind":"List","apiVersion":"v1","items":[)";
  for (int i = 0; i < 200'000; ++i) lists.append(i == 0 ? "" : ",").append(R"({"items":[{}]})");
  EXPECT_TRUE(Load(lists + "]}").HasErrors());
  std::string members = TEST_POLICY "spec: {podSelector: {matchLabels: {";
  for (int i = 0; i < 100'000; ++i) members.append("k").append(std::to_string(i)).append(": a, ");
  EXPECT_EQ("", Messages(members + "}}}\n"));
  std::string merged = "a: &a {";
  for (int i = 0; i < 4'000; ++i) merged.append("k").append(std::to_string(i)).append(": a, ");
  EXPECT_NE("", Messages(merged + "}\nb: {<<: *a}\nkind: x\n"));
  EXPECT_LT(watch.Seconds(), kSoon);
}

// Runs `work` in a child process; returns by how many bytes its peak resident set grew, or nullopt.
std::optional<std::size_t> PeakGrowth(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    struct rusage before {};
    getrusage(RUSAGE_SELF, &before);
    const bool good = work();
    struct rusage after {};
    getrusage(RUSAGE_SELF, &after);
    const long grown = (after.ru_maxrss - before.ru_maxrss) / 1024;  // MiB
    _exit(good ? static_cast<int>(std::min(grown, 250L)) : 255);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 255) return std::nullopt;
  return static_cast<std::size_t>(WEXITSTATUS(status)) << 20;
}

class HugeLine : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "huge_line_XXXXXX";
    const int fd = mkstemp(name.data());
    ASSERT_GE(fd, 0);
    close(fd);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_;
};

TEST_P(HugeLine, Of200MegabytesNeedsLittleMemory) {
  {
    std::ofstream file(path_, std::ios::binary);
    file << GetParam();
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 200; ++i) file << piece;
    file << "\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": "
            "\"behind\"}}\n";
  }
  const Stopwatch watch;
  const auto grown = PeakGrowth([&] {
    const LoadResult result = LoadPaths({path_}, false);
    return result.diagnostics.size() == 1 && result.cluster.namespaces.count("behind") == 1;
  });
  ASSERT_TRUE(grown) << "the text was not read as expected";
#ifndef PODGATE_SANITIZED
  EXPECT_LE(*grown, 96u << 20);
#endif
  EXPECT_LT(watch.Seconds(), kSoon);
}

INSTANTIATE_TEST_SUITE_P(Texts, HugeLine,
                         testing::Values("{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"a\": \"",
                                         "a: ", "{\"a\": ", "- "));

TEST(Hostile, ATokenOfAnySizeFromTheApi) {
  const std::string event = R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":")" +
                            std::string(256u << 20, 'x') + "\"}}}";
  const auto grown = PeakGrowth([&] {
    const auto result = DecodeWatchEvent(event, Kind::kPod);
    return std::holds_alternative<Diagnostic>(result);
  });
  ASSERT_TRUE(grown);
#ifndef PODGATE_SANITIZED
  EXPECT_LE(*grown, 96u << 20);
#endif
}

}  // namespace
}  // namespace podgate::compiler
