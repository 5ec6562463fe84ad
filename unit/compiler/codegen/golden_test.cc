// Golden triples: goldens/NAME/policy.yaml in, goldens/NAME/ir.txt and goldens/NAME/ruleset.nft
// out, for node n1. PODGATE_UPDATE_GOLDENS=1 writes what comes out instead of comparing it; then
// the diff is the review.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/codegen/compile.h"
#include "compiler/ir/build_ir.h"
#include "compiler/ir/ir_dump.h"
#include "compiler/load/load_text.h"
#include "nft/model/compare.h"
#include "nft/plan/diff.h"
#include "nft/text/print.h"
#include "unit/nft/fake/fake_kernel.h"

namespace podgate::compiler {
namespace {

namespace fs = std::filesystem;

const fs::path kGoldens = fs::path(PODGATE_UNIT_DIR) / "codegen" / "goldens";
constexpr const char* kNode = "n1";

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> Documents(const std::string& text) {
  std::vector<std::string> documents;
  std::size_t from = 0;
  for (;;) {
    const std::size_t end = text.find("\n---\n", from);
    documents.push_back(text.substr(from, end - from) + "\n");
    if (end == std::string::npos) return documents;
    from = end + 5;
  }
}

NodeIr IrOf(const std::vector<std::string>& documents, const std::string& name) {
  LoadResult result;
  for (const std::string& document : documents) LoadText(document, name + "/policy.yaml", &result);
  Complete(&result);
  for (const Diagnostic& diagnostic : result.diagnostics) ADD_FAILURE() << diagnostic.ToString();
  return BuildIr(result.cluster, kNode);
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  std::vector<std::string> documents() const {
    return Documents(ReadFile(kGoldens / GetParam() / "policy.yaml"));
  }
  void Compare(const std::string& file, const std::string& actual) const {
    const fs::path path = kGoldens / GetParam() / file;
    if (std::getenv("PODGATE_UPDATE_GOLDENS") != nullptr) {
      std::ofstream(path, std::ios::binary) << actual;
      return;
    }
    EXPECT_EQ(ReadFile(path), actual)
        << path << " differs; if that is meant, run again with PODGATE_UPDATE_GOLDENS=1";
  }
};

TEST_P(Golden, IrAndRulesetAreAsWritten) {
  const NodeIr ir = IrOf(documents(), GetParam());
  Compare("ir.txt", DumpText(ir));
  Compare("ruleset.nft", nft::Print(Compile(ir)));
}

TEST_P(Golden, OrderOfTheInputDoesNotMatter) {
  std::vector<std::string> texts = documents();
  const std::string expected = nft::Print(Compile(IrOf(texts, GetParam())));
  std::reverse(texts.begin(), texts.end());
  EXPECT_EQ(nft::Print(Compile(IrOf(texts, GetParam()))), expected);
  std::rotate(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(texts.size() / 2),
              texts.end());
  EXPECT_EQ(nft::Print(Compile(IrOf(texts, GetParam()))), expected);
}

TEST_P(Golden, AKernelTakesIt) {
  const nft::Ruleset ruleset = Compile(IrOf(documents(), GetParam()));
  nft::FakeKernel kernel;
  const nft::Status status = nft::CommitAll(&kernel, nft::Diff(nullptr, ruleset));
  ASSERT_TRUE(status.ok()) << status.message();
  const auto held = kernel.Read(ruleset.table);
  ASSERT_TRUE(held.ok() && held.value());
  EXPECT_TRUE(nft::SameForKernel(*held.value(), ruleset));
}

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kGoldens))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::ValuesIn(GoldenNames()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace podgate::compiler
