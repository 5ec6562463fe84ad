// Fuzzes the readers of addresses and prefixes, and the algebra of sets on what they read.
//
// The input is text, one address or prefix a line. What must hold: the C library agrees about
// addresses; the strict form is the legacy form without a note; text written is read back; sets
// made from the prefixes obey their laws.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ipset/address_set.h"
#include "unit/ipset/c_library.h"

namespace {

using podgate::ipset::Address;
using podgate::ipset::AddressSet;
using podgate::ipset::DeltaOf;
using podgate::ipset::Family;
using podgate::ipset::Intersect;
using podgate::ipset::Prefix;
using podgate::ipset::ReadByCLibrary;
using podgate::ipset::Subtract;
using podgate::ipset::Union;

constexpr std::size_t kMaxPrefixes =
    64;  // keeps one input fast: the laws are checked for each line

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// IPv6 prefixes inside ::ffff:0:0/96 come only from arithmetic; their text means IPv4.
bool HasTextOfItsOwn(const Prefix& prefix) {
  return !Prefix(*Address::Parse("::fffe:ffff:ffff")->Next(), 96).Contains(prefix);
}

void CheckPrefix(const std::string& line, std::vector<Prefix>* prefixes) {
  const auto legacy = Prefix::ParseLegacy(line);
  const auto strict = Prefix::Parse(line);
  Require(strict.has_value() == (legacy && legacy->note.empty()), "strict is legacy without note");
  if (!legacy) return;
  const Prefix& prefix = legacy->prefix;
  Require(prefix.Contains(prefix.first()) && prefix.Contains(prefix.last()), "ends are inside");
  Require(prefix.first() <= prefix.last(), "ends are in order");
  if (HasTextOfItsOwn(prefix)) {
    Require(Prefix::Parse(prefix.ToString()) == prefix, "written text is strict");
  }
  if (prefixes->size() < kMaxPrefixes) prefixes->push_back(prefix);
}

void CheckSets(const std::vector<Prefix>& prefixes) {
  const AddressSet all = AddressSet::Of(prefixes);
  AddressSet built;  // the same set, one prefix after the other
  for (const Prefix& prefix : prefixes) {
    const AddressSet one = AddressSet::Of(prefix);
    const AddressSet without = Subtract(built, one);
    Require(Intersect(without, one).empty(), "what is subtracted is gone");
    Require(Union(without, Intersect(built, one)) == built, "parts make the whole");
    built = Union(built, one);
    Require(built.Contains(prefix.first()) && built.Contains(prefix.last()), "what is added is in");
  }
  Require(built == all, "one by one is all at once");
  Require(AddressSet::Of(all.Prefixes()) == all, "minimal prefixes cover the set");
  Require(Union(all.OfFamily(Family::kIPv4), all.OfFamily(Family::kIPv6)) == all, "families");
  Require(DeltaOf(all, built).added.empty() && DeltaOf(all, built).removed.empty(), "no delta");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  std::vector<Prefix> prefixes;
  for (std::size_t begin = 0; begin <= input.size();) {
    const std::size_t end = std::min(input.find('\n', begin), input.size());
    const std::string line = input.substr(begin, end - begin);
    const auto address = Address::Parse(line);
    Require(address == ReadByCLibrary(line), "the C library reads the same address");
    if (address) {
      Require(Address::Parse(address->ToString()) == address, "written text is read back");
    }
    CheckPrefix(line, &prefixes);
    begin = end + 1;
  }
  CheckSets(prefixes);
  return 0;
}
