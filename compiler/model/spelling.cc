#include "compiler/model/spelling.h"

#include <algorithm>
#include <array>
#include <utility>

namespace podgate::compiler {
namespace {

constexpr std::size_t kMostErrors = 4;

// Letters at both ends that two words share change nothing about how far apart they are.
void DropSharedEnds(std::string_view* a, std::string_view* b) {
  const auto front = std::mismatch(a->begin(), a->end(), b->begin(), b->end());
  const auto prefix = static_cast<std::size_t>(front.first - a->begin());
  a->remove_prefix(prefix);
  b->remove_prefix(prefix);
  const auto back = std::mismatch(a->rbegin(), a->rend(), b->rbegin(), b->rend());
  const auto suffix = static_cast<std::size_t>(back.first - a->rbegin());
  a->remove_suffix(suffix);
  b->remove_suffix(suffix);
}

// The optimal string alignment distance, or more than `most` when it is more than that. A cell of
// its table that is n off the diagonal is at least n, so of each row only those up to `most` off
// are worked out: cell `at` of row i is column i + at - 1 - most, with one that is too far at each
// end.
std::size_t Distance(std::string_view a, std::string_view b, std::size_t most) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return most + 1;
  DropSharedEnds(&a, &b);
  using Row = std::array<std::size_t, 2 * kMostErrors + 3>;
  const std::size_t width = 2 * most + 1;
  Row before{};  // the row of two letters ago
  Row last{};
  Row row{};
  for (Row* each : {&before, &last, &row}) each->fill(most + 1);
  for (std::size_t j = 0; j <= most; ++j) last[j + 1 + most] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t least = most + 1;
    const std::size_t first = i > most ? 1 : most + 1 - i;
    const std::size_t behind = std::min(width + 1, b.size() + most + 2 - i);
    for (std::size_t at = first; at < behind; ++at) {
      const std::size_t j = i + at - 1 - most;
      row[at] = std::min(last[at + 1], row[at - 1]) + 1;
      if (j > 0) row[at] = std::min(row[at], last[at] + (a[i - 1] == b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[at] = std::min(row[at], before[at] + 1);
      least = std::min(least, row[at]);
    }
    if (least > most) return most + 1;
    before = std::exchange(last, row);
  }
  return last[b.size() + most + 1 - a.size()];
}

}  // namespace

// One error in three letters; of longer words that share no more than that nobody thinks.
NearWords::NearWords(std::string_view word, std::size_t most)
    : word_(word), most_(most), errors_(std::clamp<std::size_t>(word.size() / 3, 1, kMostErrors)) {}

void NearWords::Offer(std::string_view candidate) {
  // Of equally near words the earlier ones stay, so a full list takes only what is nearer.
  const bool full = near_.size() >= most_;
  if (full && (near_.empty() || near_.back().first == 0)) return;
  const std::size_t errors = full ? near_.back().first - 1 : errors_;
  const std::size_t distance = Distance(word_, candidate, errors);
  if (distance > errors) return;
  if (full) near_.pop_back();
  const auto behind =
      std::upper_bound(near_.begin(), near_.end(), distance,
                       [](std::size_t d, const auto& other) { return d < other.first; });
  near_.emplace(behind, distance, candidate);
}

std::vector<std::string> NearWords::Words() const {
  std::vector<std::string> words;
  words.reserve(near_.size());
  for (const auto& [distance, word] : near_) words.push_back(word);
  return words;
}

std::vector<std::string> NearSpellings(std::string_view word,
                                       const std::vector<std::string>& candidates,
                                       std::size_t most) {
  NearWords near(word, most);
  for (const std::string& candidate : candidates) near.Offer(candidate);
  return near.Words();
}

std::string DidYouMean(const std::vector<std::string>& near) {
  if (near.empty()) return {};
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i != 0) text += i + 1 == near.size() ? " or " : ", ";
    text += near[i];
  }
  return text + "?";
}

std::string FirstOf(const std::vector<std::string>& names, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i)
    text += (i != 0 ? ", " : "") + names[i];
  return names.size() > most ? text + ", …" : text;
}

std::string UnknownNode(const std::string& name, const std::vector<std::string>& nodes) {
  const std::string text = "node " + name + " is not in the input";
  if (nodes.empty()) return text + ", and no other node is";
  const std::string meant = DidYouMean(NearSpellings(name, nodes));
  if (!meant.empty()) return text + meant;
  return text + "; its nodes are " + FirstOf(nodes);
}

}  // namespace podgate::compiler
