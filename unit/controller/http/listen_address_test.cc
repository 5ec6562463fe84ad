#include "controller/http/listen_address.h"

#include <gtest/gtest.h>

namespace podgate::controller {
namespace {

TEST(ListenAddress, ReadsWhatListenTakes) {
  const std::pair<const char*, const char*> good[] = {
      {"127.0.0.1:9099", "127.0.0.1:9099"},
      {":80", ":80"},
      {"localhost:9480", "127.0.0.1:9480"},
      {"0.0.0.0:1", "0.0.0.0:1"},
      {"[::1]:9099", "[::1]:9099"},
      {"[fd00:0:0::1]:65535", "[fd00::1]:65535"},
      // What a chart makes of a node's address and a port.
      {"fd00::1:9099", "[fd00::1]:9099"},
      {"2001:db8:1:2:3:4:5:6:9099", "[2001:db8:1:2:3:4:5:6]:9099"},
  };
  for (const auto& [text, printed] : good) {
    const auto listen = ParseListenAddress(text);
    ASSERT_TRUE(listen) << text;
    EXPECT_EQ(listen->ToString(), printed);
    const auto again = ParseListenAddress(printed);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->address, listen->address);
  }
}

TEST(ListenAddress, RefusesEverythingElse) {
  for (const char* text : {"",
                           ":",
                           "9099",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:0",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1: 80",
                           "127.0.0.1:80 ",
                           "127.0.0.1:0x50",
                           "localhost",
                           "localhost:0",
                           "localhosts:80",
                           "[localhost]:80",
                           "[127.0.0.1]:80",
                           "[]:80",
                           "[::1:80",
                           "::1]:80",
                           "[::1]80",
                           "[::1]",
                           "01.2.3.4:80",
                           "1.2.3:80",
                           "fe80::1%eth0:80",
                           "http://127.0.0.1:80"}) {
    EXPECT_FALSE(ParseListenAddress(text)) << text;
  }
}

}  // namespace
}  // namespace podgate::controller
