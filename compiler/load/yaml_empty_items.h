// libfyaml 0.7 refuses a list item with nothing behind its dash where the list is not indented
// deeper than its key; YAML and Kubernetes' tools take it for null. So null is written there before
// the text is parsed. Pure; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace podgate::compiler {

class FilledYaml {
 public:
  // `document` must outlive this object. It is copied only if it has such items. One of
  // more than 16 MiB is taken as it is.
  explicit FilledYaml(std::string_view document);
  std::string_view text() const { return places_.empty() ? document_ : filled_; }
  // Where in the document the byte at `offset` of text() stands.
  std::size_t Original(std::size_t offset) const;

 private:
  std::string_view document_;
  std::string filled_;
  std::vector<std::size_t> places_;  // behind the dashes, in the document
};

}  // namespace podgate::compiler
