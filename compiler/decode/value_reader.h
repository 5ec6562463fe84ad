// What a source (JSON or YAML) and a reader of its values know of each other. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/decode/decode_problem.h"

namespace podgate::compiler {

// Where the value that the reader is being told about begins. Asked only when it matters.
class ValueLocator {
 public:
  virtual ~ValueLocator() = default;
  virtual std::size_t Offset() = 0;
};

// Is told the values of one text, in its order. False: stop, see failure().
class ValueReader {
 public:
  virtual ~ValueReader() = default;
  virtual bool Null() = 0;
  virtual bool Bool(bool value) = 0;
  virtual bool Integer(std::int64_t value) = 0;
  virtual bool Number(std::string_view digits) = 0;  // what is no integer of 64 bits
  virtual bool String(std::string& value) = 0;       // may take it
  virtual bool StartObject() = 0;
  virtual bool Key(std::string_view key) = 0;
  virtual bool EndObject() = 0;
  virtual bool StartArray() = 0;
  virtual bool EndArray() = 0;

  // Why reading stopped: the text cannot be what it was said to be, or is nested too deeply.
  virtual const std::optional<Problem>& failure() const = 0;
  // After the text's end. True: the reader needs to be told the same text once more.
  virtual bool StartOver() { return false; }
};

}  // namespace podgate::compiler
