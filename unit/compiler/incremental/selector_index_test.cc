// A selector index finds every selector that matches, and few others.
#include "compiler/incremental/selector_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>
#include <string>

#include "compiler/model/selector.h"
#include "unit/support/seed.h"

namespace podgate::compiler {
namespace {

using Op = Requirement::Operator;

struct Subject {
  Subject(LabelSelector s, Symbols* symbols)
      : selector(std::move(s)), interned(selector, symbols) {}
  LabelSelector selector;
  InternedSelector interned;
};

class SelectorIndexTest : public testing::Test {
 protected:
  Subject* Add(LabelSelector selector) {
    Subject* subject = &subjects_.emplace_back(std::move(selector), &symbols_);
    index_.Add(subject->interned, subject);
    return subject;
  }

  // Each candidate once.
  std::set<Subject*> Candidates(const Labels& labels) {
    const InternedLabels interned = InternLabels(labels, &symbols_);
    std::set<Subject*> found;
    index_.VisitCandidates(interned, [&](Subject* subject) {
      EXPECT_TRUE(found.insert(subject).second) << "visited twice";
    });
    ReleaseLabels(interned, &symbols_);
    return found;
  }

  Symbols symbols_;
  std::deque<Subject> subjects_;
  SelectorIndex<Subject> index_;
};

TEST_F(SelectorIndexTest, ALabelThatAllAskForGathersNone) {
  for (const Op common : {Op::kIn, Op::kExists}) {
    SelectorIndex<Subject> index;
    std::deque<Subject> subjects;
    for (int i = 0; i < 1000; ++i) {
      Requirement first{"part-of", common, {}};
      if (common == Op::kIn) first.values = {"shop"};
      const std::string own = fmt::format("app-{}", i);
      const Requirement second =
          i % 2 == 0 ? Requirement{"app", Op::kIn, {own}} : Requirement{own, Op::kExists, {}};
      Subject& subject = subjects.emplace_back(LabelSelector{{first, second}}, &symbols_);
      index.Add(subject.interned, &subject);
    }
    const InternedLabels labels =
        InternLabels({{"app", "app-500"}, {"part-of", "shop"}}, &symbols_);
    std::size_t visited = 0;
    bool found = false;
    index.VisitCandidates(labels, [&](Subject* subject) {
      ++visited;
      found = found || subject == &subjects[500];
    });
    EXPECT_TRUE(found);
    EXPECT_LE(visited, 3u);
    ReleaseLabels(labels, &symbols_);
    for (Subject& subject : subjects) index.Remove(subject.interned, &subject);
    EXPECT_TRUE(index.empty());
  }
}

TEST_F(SelectorIndexTest, FindsWhatMatchesWhateverComesAndGoes) {
  SCOPED_TRACE(unit::SeedNote());
  std::mt19937_64 random(unit::Seed());
  const auto pick = [&](std::uint64_t n) { return random() % n; };
  std::set<Subject*> there;
  for (int round = 0; round < 3000; ++round) {
    if (there.size() < 20 || pick(2) == 0) {
      LabelSelector selector;
      for (std::uint64_t n = pick(4); n > 0; --n) {
        Requirement requirement{fmt::format("k{}", pick(4)), static_cast<Op>(pick(4)), {}};
        if (requirement.op == Op::kIn || requirement.op == Op::kNotIn)
          for (std::uint64_t v = 1 + pick(3); v > 0; --v)
            requirement.values.push_back(fmt::format("v{}", pick(4)));
        selector.requirements.push_back(requirement);
      }
      there.insert(Add(selector));
    } else {
      const auto gone = std::next(there.begin(), static_cast<std::ptrdiff_t>(pick(there.size())));
      index_.Remove((*gone)->interned, *gone);
      there.erase(gone);
    }
    Labels labels;
    for (int k = 0; k < 4; ++k)
      if (pick(2) == 0) labels.emplace_back(fmt::format("k{}", k), fmt::format("v{}", pick(4)));
    const std::set<Subject*> candidates = Candidates(labels);
    for (Subject* subject : there)
      EXPECT_TRUE(!Matches(subject->selector, labels) || candidates.contains(subject));
    for (Subject* subject : candidates) EXPECT_TRUE(there.contains(subject));
  }
  for (Subject* subject : there) index_.Remove(subject->interned, subject);
  EXPECT_TRUE(index_.empty());
}

}  // namespace
}  // namespace podgate::compiler
