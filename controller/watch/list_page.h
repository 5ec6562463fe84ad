// Collects the body of one page of a list, within bounds. One object for each request.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "controller/transport/transport.h"

namespace podgate::controller {

class ListPage : public HttpConsumer {
 public:
  static constexpr std::chrono::milliseconds kLimit{60'000};
  static constexpr std::size_t kMaxBytes = 32u << 20;

  void OnHead(int status) override;
  bool OnBody(std::string_view bytes) override;
  // A server may think for long before the first byte of a large list.
  std::chrono::milliseconds Patience() override { return std::chrono::seconds(30); }

  const std::string& text() const { return text_; }
  bool too_long() const { return too_long_; }

 private:
  int status_ = 0;
  bool too_long_ = false;
  std::string text_;
};

}  // namespace podgate::controller
