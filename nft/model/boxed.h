// An optional value on the heap: it takes eight bytes in the many objects that have none. Copies
// copy the value, and comparisons compare it.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <utility>

namespace podgate::nft {

template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}                                           // NOLINT
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT
  Boxed(std::optional<T> value) {                                    // NOLINT
    if (value) value_ = std::make_unique<T>(*std::move(value));
  }
  Boxed(const Boxed& other)
      : value_(other.value_ == nullptr ? nullptr : std::make_unique<T>(*other.value_)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Boxed() = default;

  bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a || *a == *b);
  }
  friend std::strong_ordering operator<=>(const Boxed& a, const Boxed& b) {
    if (!a || !b) return a.has_value() <=> b.has_value();
    return *a <=> *b;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace podgate::nft
