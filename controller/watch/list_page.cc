#include "controller/watch/list_page.h"

#include "controller/watch/watch_stream.h"

namespace podgate::controller {

void ListPage::OnHead(int status) {
  status_ = status;
  // Costs addresses only, until bytes come; a text that grows is copied, and needs three times its
  // size for that.
  if (status == 200) text_.reserve(kMaxBytes);
}

bool ListPage::OnBody(std::string_view bytes) {
  const std::size_t limit = status_ == 200 ? kMaxBytes : kMaxRefusalBytes;
  if (text_.size() + bytes.size() > limit) {
    too_long_ = status_ == 200;
    return false;
  }
  text_.append(bytes);
  return true;
}

}  // namespace podgate::controller
