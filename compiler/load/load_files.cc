#include "compiler/load/load_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "compiler/load/load_text.h"

// Large files are mapped and their pages released behind the reader, so that a dump of any size
// needs little memory; large standard input goes through an unnamed temporary file.
namespace podgate::compiler {
namespace {

// Up to here a file is read into memory: it cannot change or shrink under the reader then.
constexpr std::size_t kSmall = 16u << 20;
constexpr std::size_t kReadSize = 256u << 10;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Mapping {
 public:
  Mapping(int fd, std::size_t size)
      : size_(size), data_(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)) {}
  ~Mapping() {
    if (valid()) munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool valid() const { return data_ != MAP_FAILED; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }
  // Drops the pages before `offset`; they come back from the file when they are looked at.
  void Release(std::size_t offset) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    madvise(data_, offset / page * page, MADV_DONTNEED);
  }

 private:
  std::size_t size_;
  void* data_;
};

void AddError(const std::string& file, const std::string& message, LoadResult* result,
              Diagnostic::Severity severity = Diagnostic::Severity::kError) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = file;
  diagnostic.message = message;
  result->diagnostics.push_back(std::move(diagnostic));
}

std::string Why(int error) { return std::generic_category().message(error); }

void LoadMapped(int fd, std::size_t size, const std::string& file, LoadResult* result) {
  Mapping mapping(fd, size);
  if (!mapping.valid()) {
    AddError(file, "cannot be read: " + Why(errno), result);
    return;
  }
  LoadText(mapping.text(), file, result, [&](std::size_t offset) { mapping.Release(offset); });
}

// Reads up to `limit` bytes more; true at the end of the file. False also on an error, with errno
// set.
bool ReadUpTo(int fd, std::size_t limit, std::string* text, int* error) {
  *error = 0;
  while (text->size() < limit) {
    const std::size_t have = text->size();
    text->resize(have + std::min(kReadSize, limit - have));
    ssize_t got = 0;
    do {
      got = read(fd, text->data() + have, text->size() - have);
    } while (got < 0 && errno == EINTR);
    if (got < 0) *error = errno;
    text->resize(have + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) return got == 0;
  }
  return false;
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// A pipe that holds more than fits into memory comfortably: the rest goes to a file without a name.
void LoadSpooled(int fd, std::string text, const std::string& file, LoadResult* result) {
  const std::unique_ptr<std::FILE, FileCloser> spool(std::tmpfile());
  if (!spool) {
    AddError(file,
             "more than " + std::to_string(kSmall >> 20) +
                 " MiB need a temporary file, which cannot be made: " + Why(errno),
             result);
    return;
  }
  std::size_t size = 0;
  for (bool end = false;;) {
    if (std::fwrite(text.data(), 1, text.size(), spool.get()) != text.size()) {
      AddError(file, "the temporary file cannot be written: " + Why(errno), result);
      return;
    }
    size += text.size();
    if (end) break;
    text.clear();
    int error = 0;
    end = ReadUpTo(fd, kReadSize, &text, &error);
    if (error != 0) {
      AddError(file, "cannot be read: " + Why(error), result);
      return;
    }
  }
  if (std::fflush(spool.get()) != 0) {
    AddError(file, "the temporary file cannot be written: " + Why(errno), result);
    return;
  }
  text = std::string();
  LoadMapped(fileno(spool.get()), size, file, result);
}

void LoadDescriptor(int fd, const std::string& file, LoadResult* result) {
  struct stat info {};
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
      static_cast<std::size_t>(info.st_size) > kSmall && lseek(fd, 0, SEEK_CUR) == 0) {
    LoadMapped(fd, static_cast<std::size_t>(info.st_size), file, result);
    return;
  }
  std::string text;
  int error = 0;
  if (ReadUpTo(fd, kSmall, &text, &error)) {
    LoadText(text, file, result);
  } else if (error != 0) {
    AddError(file, "cannot be read: " + Why(error), result);
  } else {
    LoadSpooled(fd, std::move(text), file, result);
  }
}

// `missing`: the severity of a file that is not there. Any other that cannot be opened is an error:
// it may hold a policy.
void LoadFile(const std::string& path, LoadResult* result, Diagnostic::Severity missing) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) {
    const int error = errno;
    AddError(path, "cannot be opened: " + Why(error), result,
             error == ENOENT ? missing : Diagnostic::Severity::kError);
    ++result->counts.unread;
    return;
  }
  LoadDescriptor(descriptor.get(), path, result);
}

bool HasManifestName(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// The manifests of a directory, by name. Each directory is read once (told apart by device and
// inode), since links may form circles.
void ListDirectory(const std::filesystem::path& directory, bool recursive,
                   std::set<std::pair<dev_t, ino_t>>* seen, std::vector<std::string>* files,
                   LoadResult* result) {
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) {
    AddError(directory.string(), "cannot be read: " + Why(errno), result);
    return;
  }
  const std::pair<dev_t, ino_t> identity(info.st_dev, info.st_ino);
  if (!seen->insert(identity).second) return;
  std::error_code error;
  std::vector<std::filesystem::path> entries;
  std::filesystem::directory_iterator entry(directory, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    entries.push_back(entry->path());
    entry.increment(error);
  }
  if (error) AddError(directory.string(), "cannot be read: " + error.message(), result);
  std::sort(entries.begin(), entries.end());
  for (const std::filesystem::path& path : entries) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      if (recursive) ListDirectory(path, recursive, seen, files, result);
    } else if (HasManifestName(path)) {
      files->push_back(path.string());
    }
  }
}

void LoadPath(const std::string& path, bool recursive, LoadResult* result) {
  if (path == "-") {
    LoadDescriptor(STDIN_FILENO, path, result);
    return;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    LoadFile(path, result, Diagnostic::Severity::kError);
    return;
  }
  std::set<std::pair<dev_t, ino_t>> seen;
  std::vector<std::string> files;
  const std::size_t before = result->diagnostics.size();
  ListDirectory(path, recursive, &seen, &files, result);
  if (files.empty() && result->diagnostics.size() == before) {
    AddError(path,
             std::string("the directory has no .yaml, .yml or .json file") +
                 (recursive ? "" : "; -R looks below it too"),
             result);
  }
  // Editors lock a file with a link beside it that leads nowhere.
  for (const std::string& file : files) LoadFile(file, result, Diagnostic::Severity::kUnread);
}

}  // namespace

LoadResult LoadPaths(const std::vector<std::string>& paths, bool recursive) {
  LoadResult result;
  for (const std::string& path : paths) LoadPath(path, recursive, &result);
  Complete(&result);
  return result;
}

}  // namespace podgate::compiler
