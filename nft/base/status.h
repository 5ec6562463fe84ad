// The outcome of an operation that can fail, which costs nothing when it succeeded, and a value or
// such an outcome.
// Callers ask IsNotFound() and the like; they never compare texts or errno values.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace podgate::nft {

class [[nodiscard]] Status {
 public:
  enum class Code {
    kOk,
    kInvalid,      // the request itself is wrong (EINVAL, EEXIST, EMLINK, …)
    kNotFound,     // ENOENT: something else removed what we refer to
    kBusy,         // EBUSY: still in use; ENOMEM, EAGAIN: try again
    kFull,         // ENOSPC, ENFILE: a set is full
    kTooBig,       // EMSGSIZE
    kStale,        // ERESTART: the generation moved; read back, take the difference again
    kInterrupted,  // EINTR: a dump was overtaken by a commit
    kOverrun,      // ENOBUFS, or answers that cannot be read: the outcome is unknown, read back
    kPermission,   // EPERM, EACCES
    kUnsupported,  // EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT
    kUnavailable,  // a peer that cannot be reached, or does not answer in time (ETIMEDOUT)
    kOther,
  };
  Status() = default;
  Status(Code code, std::string message)
      : rep_(std::make_shared<const Rep>(Rep{code, std::move(message)})) {}

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  bool IsNotFound() const { return code() == Code::kNotFound; }
  bool IsStale() const { return code() == Code::kStale; }
  // One sentence: what, where, why, what to do. Empty when ok.
  const std::string& message() const {
    static const std::string kNone;
    return rep_ ? rep_->message : kNone;
  }

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Status status) : state_(std::move(status)) {}
  bool ok() const { return std::holds_alternative<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T& value() & { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace podgate::nft
