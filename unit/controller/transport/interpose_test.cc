// Each function that must be ours is, also for the libraries that call it.
#include "controller/transport/interpose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace podgate::controller {
namespace {

TEST(Interpose, EachSymbolIsOurs) {
  std::vector<std::string> names;
  for (const InterposedSymbol& symbol : InterposedSymbols()) {
    names.emplace_back(symbol.name);
    EXPECT_EQ(CheckInterposition(std::span(&symbol, 1)).message(), "");
  }
  EXPECT_THAT(names,
              testing::ElementsAre("getaddrinfo", "SSL_CTX_set_default_verify_paths", "SSL_read"));
  EXPECT_TRUE(CheckInterposition().ok());
}

TEST(Interpose, NamesTheOneThatIsMissing) {
  // A function that only the library has, in the place of one that should be ours as well.
  const int not_it = 0;
  const std::array symbols{InterposedSymbols()[0],
                           InterposedSymbol{"SSL_write", &not_it, "nothing works"}};
  const nft::Status status = CheckInterposition(symbols);
  EXPECT_EQ(status.code(), nft::Status::Code::kUnsupported);
  EXPECT_EQ(status.message(),
            "libraries do not call the SSL_write of this program, so nothing works; use a build "
            "that links cpprestsdk and OpenSSL as shared libraries");
  // Ours alone, with nothing behind it that it could call.
  const InterposedSymbol unknown{"podgate_has_no_such_function", nullptr, "it ends"};
  EXPECT_FALSE(CheckInterposition(std::span(&unknown, 1)).ok());
}

}  // namespace
}  // namespace podgate::controller
