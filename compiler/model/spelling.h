// Which of the words that exist somebody may have meant who wrote another one. Pure; safe from any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podgate::compiler {

// The candidates that differ from `word` by few typing errors (a letter too many, too few, wrong,
// or two exchanged): up to `most`, the nearest first, of equally near ones in the given order.
// Keeps no more of them than that, and needs time in proportion to their letters.
class NearWords {
 public:
  // `word` must outlive it.
  explicit NearWords(std::string_view word, std::size_t most = 3);
  void Offer(std::string_view candidate);
  std::vector<std::string> Words() const;

 private:
  std::string_view word_;
  std::size_t most_;
  std::size_t errors_;
  std::vector<std::pair<std::size_t, std::string>> near_;  // by distance
};

// The same of a list.
std::vector<std::string> NearSpellings(std::string_view word,
                                       const std::vector<std::string>& candidates,
                                       std::size_t most = 3);

// "; did you mean a, b?" of these; empty if there are none.
std::string DidYouMean(const std::vector<std::string>& near);

// Names of a list that may be long: the first `most`, and "…" if there are more.
std::string FirstOf(const std::vector<std::string>& names, std::size_t most = 10);

// The sentence about a node that is none of `nodes`, the sorted names of all.
std::string UnknownNode(const std::string& name, const std::vector<std::string>& nodes);

}  // namespace podgate::compiler
