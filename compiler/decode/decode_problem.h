// What was found wrong while decoding one object, before file, line and object name are known.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "compiler/decode/text_position.h"
#include "compiler/model/diagnostic.h"

namespace podgate::compiler {

struct Problem {
  Diagnostic::Severity severity = Diagnostic::Severity::kError;
  std::size_t offset = kNoOffset;
  std::string field;
  std::string message;
};

// A list that hostile input cannot make long: above the limit only the number grows.
class Problems {
 public:
  static constexpr std::size_t kLimit = 100;

  void Error(std::size_t offset, std::string field, std::string message) {
    ++errors_;
    Add({Diagnostic::Severity::kError, offset, std::move(field), std::move(message)});
  }
  void Warning(std::size_t offset, std::string field, std::string message) {
    Add({Diagnostic::Severity::kWarning, offset, std::move(field), std::move(message)});
  }
  void Add(Diagnostic::Severity severity, std::size_t offset, std::string field,
           std::string message) {
    if (severity == Diagnostic::Severity::kError) ++errors_;
    Add({severity, offset, std::move(field), std::move(message)});
  }
  void Clear() { *this = Problems(); }
  // In order of appearance; the last one tells how many were left out.
  std::vector<Problem> Take() {
    if (left_out_ != 0) {
      items_.push_back(
          {errors_ != 0 ? Diagnostic::Severity::kError : Diagnostic::Severity::kWarning,
           items_.back().offset, std::string(),
           "has " + std::to_string(left_out_) + " more problems"});
    }
    return std::move(items_);
  }

 private:
  void Add(Problem problem) {
    if (items_.size() < kLimit) {
      items_.push_back(std::move(problem));
    } else {
      ++left_out_;
    }
  }

  std::vector<Problem> items_;
  std::size_t errors_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace podgate::compiler
