// LoadText's bookkeeping, Complete, and LoadPaths on real files.

#include "compiler/load/load_files.h"
#include "compiler/load/load_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/compiler/load/load_helpers.h"

namespace podgate::compiler {
namespace {

using test::Load;
using test::Messages;

std::string PodText(const std::string& ns, const std::string& name,
                    const std::string& node = "n1") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + ns +
         "}\nspec: {nodeName: " + node + "}\n";
}

TEST(LoadText, OfObjectsGivenTwiceTheLaterCounts) {
  const LoadResult result =
      Load(PodText("x", "a", "one") + "---\n" + PodText("x", "a", "two") + "---\n" +
           "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: b}}\n---\n"
           "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
  EXPECT_FALSE(result.HasErrors());
  EXPECT_EQ(
      "f:6:1: pod x/a: warning: given more than once; this one replaces the one before (f:1)\n"
      "f:15:1: namespace x: warning: given more than once; this one replaces the one before "
      "(f:11)\n",
      Messages(result));
  EXPECT_EQ("two", result.cluster.pods.at({"x", "a"}).node);
  EXPECT_TRUE(result.cluster.namespaces.at("x").labels.empty());
}

TEST(Complete, NamespacesAndTheirNameLabel) {
  LoadResult result = Load(
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {z: '1', "
      "kubernetes.io/metadata.name: other}}\n---\n"
      "apiVersion: v1\nkind: Namespace\nmetadata: {name: d, labels: {zz: '1', a: '2'}}\n---\n" +
      PodText("b", "p") +
      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: "
      "c}\n");
  Complete(&result);
  ASSERT_EQ(4u, result.cluster.namespaces.size());
  EXPECT_EQ((Labels{{"kubernetes.io/metadata.name", "a"}, {"z", "1"}}),
            result.cluster.namespaces.at("a").labels);
  EXPECT_EQ((Labels{{"kubernetes.io/metadata.name", "b"}}),
            result.cluster.namespaces.at("b").labels);
  EXPECT_EQ((Labels{{"kubernetes.io/metadata.name", "c"}}),
            result.cluster.namespaces.at("c").labels);
  EXPECT_EQ((Labels{{"a", "2"}, {"kubernetes.io/metadata.name", "d"}, {"zz", "1"}}),
            result.cluster.namespaces.at("d").labels);
  Complete(&result);
  EXPECT_EQ(1u, result.cluster.namespaces.at("b").labels.size());
}

class LoadPathsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "load_paths_XXXXXX";
    ASSERT_NE(nullptr, mkdtemp(name.data()));
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
    return (root_ / path).string();
  }
  std::string Path(const std::string& path) const { return (root_ / path).string(); }
  std::string Said(const LoadResult& result) const {  // without the temporary directory's name
    std::string messages = Messages(result);
    for (std::size_t at; (at = messages.find(root_.string())) != std::string::npos;) {
      messages.replace(at, root_.string().size(), "ROOT");
    }
    return messages;
  }

  std::filesystem::path root_;
};

TEST_F(LoadPathsTest, FilesAndDirectories) {
  Write("d/b.yaml", PodText("x", "b"));
  Write("d/a.yml", PodText("x", "a"));
  Write("d/c.json", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"c","namespace":"x"}})");
  Write("d/d.txt", "not: [read");
  Write("d/e.yaml.bak", "not: [read");
  Write("d/sub/f.yaml", PodText("x", "f"));
  const std::string single = Write("single.txt", PodText("x", "single"));
  const LoadResult flat = LoadPaths({Path("d"), single}, false);
  EXPECT_EQ("", Said(flat));
  EXPECT_EQ(4u, flat.cluster.pods.size());
  EXPECT_EQ(1u, flat.cluster.namespaces.size());
  const LoadResult deep = LoadPaths({Path("d")}, true);
  EXPECT_EQ("", Said(deep));
  EXPECT_EQ(4u, deep.cluster.pods.size());
  EXPECT_EQ(1u, deep.cluster.pods.count({"x", "f"}));
}

TEST_F(LoadPathsTest, FilesAreReadInOrderOfTheirNames) {
  Write("d/2.yaml", PodText("x", "a", "two"));
  Write("d/1.yaml", PodText("x", "a", "one"));
  Write("d/3/1.yaml", PodText("x", "a", "three"));
  const LoadResult result = LoadPaths({Path("d")}, true);
  EXPECT_EQ("three", result.cluster.pods.at({"x", "a"}).node);
  EXPECT_EQ(
      "ROOT/d/2.yaml:1:1: pod x/a: warning: given more than once; this one replaces the one "
      "before (ROOT/d/1.yaml:1)\n"
      "ROOT/d/3/1.yaml:1:1: pod x/a: warning: given more than once; this one replaces the one "
      "before (ROOT/d/2.yaml:1)\n",
      Said(result));
}

TEST_F(LoadPathsTest, WhatCannotBeReadIsAnErrorAndHidesNothing) {
  std::filesystem::create_directories(root_ / "empty/sub");
  Write("empty/readme.md", "text");
  const std::string good = Write("good.yaml", PodText("x", "a"));
  const LoadResult result = LoadPaths({Path("missing.yaml"), Path("empty"), good}, false);
  EXPECT_EQ(
      "ROOT/missing.yaml: cannot be opened: No such file or directory\n"
      "ROOT/empty: the directory has no .yaml, .yml or .json file; -R looks below it too\n",
      Said(result));
  EXPECT_TRUE(result.HasErrors());
  EXPECT_EQ(1u, result.cluster.pods.size());
  EXPECT_EQ("ROOT/empty: the directory has no .yaml, .yml or .json file\n",
            Said(LoadPaths({Path("empty")}, true)));
}

TEST_F(LoadPathsTest, UnreadableFile) {
  const std::string file = Write("d/a.yaml", PodText("x", "a"));
  std::filesystem::permissions(file, std::filesystem::perms::none);
  if (access(file.c_str(), R_OK) == 0) {
    // For root nothing is unreadable but what is no file.
    std::filesystem::remove(file);
    std::filesystem::create_symlink("a.yaml", file);
    const LoadResult result = LoadPaths({Path("d")}, false);
    EXPECT_EQ("ROOT/d/a.yaml: cannot be opened: Too many levels of symbolic links\n", Said(result));
    EXPECT_TRUE(result.HasErrors());
    return;
  }
  const LoadResult result = LoadPaths({Path("d")}, false);
  EXPECT_EQ("ROOT/d/a.yaml: cannot be opened: Permission denied\n", Said(result));
  EXPECT_TRUE(result.HasErrors());
}

TEST_F(LoadPathsTest, ALinkThatLeadsNowhereIsAnErrorOnlyIfItIsNamed) {
  Write("d/a.yaml", PodText("x", "a"));
  std::filesystem::create_symlink("user@host.1", root_ / "d/.#a.yaml");
  const LoadResult result = LoadPaths({Path("d")}, false);
  EXPECT_EQ("ROOT/d/.#a.yaml: cannot be opened: No such file or directory\n", Said(result));
  EXPECT_FALSE(result.HasErrors());
  EXPECT_EQ(1u, result.counts.unread);
  EXPECT_TRUE(LoadPaths({Path("d/.#a.yaml")}, false).HasErrors());
}

TEST_F(LoadPathsTest, CirclesOfLinksEnd) {
  Write("d/a.yaml", PodText("x", "a"));
  std::filesystem::create_directory_symlink("..", root_ / "d/up");
  std::filesystem::create_directory_symlink(".", root_ / "d/self");
  std::filesystem::create_directory_symlink("d", root_ / "other");
  const LoadResult result = LoadPaths({Path("d")}, true);
  EXPECT_EQ("", Said(result));
  EXPECT_EQ(1u, result.cluster.pods.size());
}

TEST_F(LoadPathsTest, LargeFilesAreReadWholeAndMessagesKnowTheirLines) {
  // More than what is read into memory at once, so that the mapped way is taken.
  std::string text = "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n";
  const std::string filler(1000, 'x');
  int pods = 0;
  while (text.size() < (20u << 20)) {
    text += std::string(pods == 0 ? "" : ",\n") +
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p" +
            std::to_string(pods) + "\",\"namespace\":\"x\",\"annotations\":{\"a\":\"" + filler +
            "\"}}}";
    ++pods;
  }
  text +=
      ",\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"Last\",\"namespace\":"
      "\"x\"}}]}\n";
  const std::string file = Write("large.json", text);
  const LoadResult result = LoadPaths({file}, false);
  EXPECT_EQ(static_cast<std::size_t>(pods) + 1, result.cluster.pods.size());
  ASSERT_EQ(1u, result.diagnostics.size());
  EXPECT_EQ(static_cast<std::size_t>(pods) + 2, result.diagnostics[0].line);
  EXPECT_EQ(52u, result.diagnostics[0].column);

  // The same through a pipe, which has to be spooled.
  const std::string command = "cat '" + file + "'";
  const int saved = dup(STDIN_FILENO);
  std::FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(nullptr, pipe);
  dup2(fileno(pipe), STDIN_FILENO);
  const LoadResult piped = LoadPaths({"-"}, false);
  dup2(saved, STDIN_FILENO);
  close(saved);
  pclose(pipe);
  EXPECT_EQ(result.cluster.pods, piped.cluster.pods);
  ASSERT_EQ(1u, piped.diagnostics.size());
  EXPECT_EQ("-", piped.diagnostics[0].file);
  EXPECT_EQ(result.diagnostics[0].line, piped.diagnostics[0].line);
}

}  // namespace
}  // namespace podgate::compiler
