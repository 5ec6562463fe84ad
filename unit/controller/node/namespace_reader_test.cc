// What the reader makes of the real kernel's answers. Namespaces at the other ends of links are
// played in e2e/labs/api/cases_addresses.py.
#include "controller/node/namespace_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace podgate::controller {
namespace {

TEST(NamespaceReader, ThisNamespace) {
  const auto reader = OpenNamespaceReader();
  const auto links = reader->Links();
  ASSERT_TRUE(links.ok()) << links.status().message();
  const auto lo = std::find_if(links.value().begin(), links.value().end(),
                               [](const NodeLink& link) { return link.name == "lo"; });
  ASSERT_NE(lo, links.value().end());
  EXPECT_EQ(lo->peer_netns, -1);
  EXPECT_EQ(reader->WayTo(*ipset::Address::Parse("127.0.0.1")).kind, Way::Kind::kNode);
  // A number that the kernel has no namespace for.
  const auto held = reader->AddressesIn(123456789);
  ASSERT_FALSE(held.ok());
  EXPECT_EQ(held.status().code(), nft::Status::Code::kInvalid);
  // The next question is answered all the same.
  EXPECT_TRUE(reader->Links().ok());
  EXPECT_GE(reader->event_descriptor(), 0);
  reader->DiscardEvents();
}

}  // namespace
}  // namespace podgate::controller
