#include "compiler/model/spelling.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace podgate::compiler {
namespace {

// The optimal string alignment distance, or more than `most` when it is more than that.
std::size_t Distance(std::string_view a, std::string_view b, std::size_t most) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return most + 1;
  std::vector<std::size_t> before;  // the row of two letters ago
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (*std::min_element(row.begin(), row.end()) > most + 1) return most + 1;
    before = std::exchange(last, std::move(row));
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> NearSpellings(std::string_view word,
                                       const std::vector<std::string>& candidates,
                                       std::size_t most) {
  // One error in three letters; of longer words that share no more than that nobody thinks.
  const std::size_t errors = std::clamp<std::size_t>(word.size() / 3, 1, 4);
  std::vector<std::pair<std::size_t, std::size_t>> near;  // distance, place
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t distance = Distance(word, candidates[i], errors);
    if (distance <= errors) near.emplace_back(distance, i);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > most) near.resize(most);
  std::vector<std::string> words;
  words.reserve(near.size());
  for (const auto& [distance, place] : near) words.push_back(candidates[place]);
  return words;
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
