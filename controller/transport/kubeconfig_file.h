// The kubeconfig format: several files merged, one context chosen, its cluster and user checked and
// read into an ApiAccess. Pure: the texts come in, nothing is read.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "compiler/decode/decode_tree.h"
#include "controller/transport/access.h"

namespace podgate::controller {

class Kubeconfig {
 public:
  // Adds one file. Of two things with one name the one added first counts.
  Status Add(const std::string& text, const std::string& file);

  bool empty() const { return files_ == 0; }
  // `context` empty: the current-context. kNotFound: there is no such context.
  Result<ApiAccess> Choose(const std::string& context) const;

  struct File {
    std::string name;
    std::string text;
    // "FILE:LINE:COLUMN: what".
    Status Fail(std::size_t offset, const std::string& what) const;
  };
  struct Entry {
    compiler::TreeNode body;  // what stands under "cluster", "user" or "context"
    std::shared_ptr<const File> file;
    std::size_t offset = 0;
  };

 private:
  using Entries = std::map<std::string, Entry>;

  Status AddEntries(const compiler::TreeNode& root, const std::shared_ptr<const File>& file,
                    const char* list, const char* body, Entries* entries);
  Status ReadCluster(const std::string& name, const Entry& entry, ApiAccess* access) const;
  Status ReadUser(const std::string& name, const Entry& entry, ApiAccess* access) const;

  int files_ = 0;
  std::string current_context_;
  Entries clusters_;
  Entries users_;
  Entries contexts_;
};

}  // namespace podgate::controller
