// Stands between TLS and cpprestsdk and makes every answer one that cpprestsdk reads well. On its
// own it reads a head of any length and a chunk of any announced length into memory as a whole (a
// chunk of 200 MB costs 275 MB, and kube-apiserver before 1.33 sends a list as one chunk), takes
// negative chunk lengths, inflates compressed bodies nobody asked for, and holds back a body
// without chunks until 64 KiB are there, which for a quiet watch is for ever. The filter bounds the
// head and reduces it to what we use, passes every body on in small chunks as soon as its bytes
// arrive, and ends an exchange that breaks the rules.
//
// Pure: bytes in, bytes out, at any split. One object for each connection, one answer for each
// object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace podgate::controller {

class ResponseFilter {
 public:
  static constexpr std::size_t kMaxHeadBytes = 64 * 1024;
  static constexpr std::size_t kMaxPieceBytes = 32 * 1024;

  // Takes the next bytes from the server and appends what is passed on. False: the server broke a
  // rule, problem() says which; nothing more is passed on.
  bool Feed(std::string_view bytes, std::string* out);
  // The server closed the connection properly: ends a body that has no other end.
  void Finish(std::string* out);
  const std::string& problem() const { return problem_; }

 private:
  enum class State : std::uint8_t {
    kHead,         // status line and fields, up to the empty line
    kBody,         // left_ bytes, given by Content-Length
    kBodyToClose,  // no length given: up to the end of the connection
    kChunkLength,
    kChunk,  // left_ bytes of it
    kChunkEnd,
    kTrailer,
    kEnd,
    kBroken,
  };
  bool Break(std::string problem);
  bool TakeHead(std::string_view* bytes, std::string* out);
  bool TakeLine(std::string_view* bytes, std::size_t limit, bool* whole);
  bool TakeChunkLength(std::string_view* bytes);
  bool TakeChunkEnd(std::string_view* bytes);
  bool TakeTrailer(std::string_view* bytes, std::string* out);
  void Pass(std::string_view* bytes, std::string* out);  // at most left_ bytes, as one chunk

  State state_ = State::kHead;
  std::string line_;        // what came so far of a head, a chunk's length or end, a trailer
  std::uint64_t left_ = 0;  // bytes still to come of the body or the chunk
  std::string problem_;
};

}  // namespace podgate::controller
