// The one decoder behind both front ends (JSON of the API, YAML and JSON of files): it is told the
// values of a text in order and keeps only the fields that the model has. Pods are read field by
// field and never held as a tree; an object that is or may be a NetworkPolicy is captured into a
// bounded tree besides, since its kind may come after its spec. Members may come in any order.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/decode/decode_draft.h"
#include "compiler/decode/decode_problem.h"
#include "compiler/decode/decode_slots.h"
#include "compiler/decode/decoded.h"
#include "compiler/decode/value_reader.h"

namespace podgate::compiler {

// What the text as a whole is.
enum class TextForm {
  kManifest,    // one object or list of any kinds, written by people
  kList,        // one list of the kind that was asked for
  kWatchEvent,  // {"type": …, "object": …}
  kStatus,      // a metav1.Status
};

class ObjectReader final : public ValueReader {
 public:
  // Is given each object that was asked for or has problems, in order; of a manifest every object.
  using Emit = std::function<void(Finished&&)>;

  ObjectReader(TextForm form, Kind kind, const DecodeLimits& limits, ValueLocator* locator,
               Emit emit);

  bool Null() override;
  bool Bool(bool value) override;
  bool Integer(std::int64_t value) override;
  bool Number(std::string_view digits) override;
  bool String(std::string& value) override;
  bool StartObject() override;
  bool Key(std::string_view key) override;
  bool EndObject() override { return Close(); }
  bool StartArray() override;
  bool EndArray() override { return Close(); }

  const std::optional<Problem>& failure() const override { return failure_; }
  // True if items without a kind of their own were left out, because their list told its kind only
  // after them.
  bool StartOver() override;
  // Where the object began that is being read; nullopt between the items of a list.
  std::optional<std::size_t> object_start() const {
    if (drafts_.empty() || drafts_.back().is_list) return std::nullopt;
    return drafts_.back().start;
  }

  // What the whole text was, after its end. kList: its list, if it was one; the other items are in
  // Emit.
  const std::optional<Draft>& list() const { return list_; }
  const std::string& event_type() const { return event_type_; }
  std::optional<Draft>& event_object() { return object_; }  // kWatchEvent, kStatus

 private:
  struct Frame {  // an open object or array with fields that are used
    Slot slot = Slot::kSkip;
    std::uint32_t seen = 0;      // which of the slot's members were given
    std::size_t next_index = 0;  // of the next element of an array
  };

  Slot NextSlot();
  bool Open(SlotType type);
  bool Close();
  void Scalar(SlotType type, const std::string& text, std::int64_t number);
  void Store(Slot slot, const std::string& text, std::int64_t number);
  void WrongType(Slot slot, std::string found);
  Slot SlotOfKey(std::string_view key);
  Slot FilterTopLevel(Slot slot);
  void TakeAddress(const std::string& text, bool of_list, bool of_host);
  void EndPort();
  void EndContainer(bool init);
  void EndNodeAddress();
  void BeginDraft();
  void EndDraft();
  void EndList(Draft&& done);
  bool Fail(std::size_t offset, std::string message);
  std::string PathTo(Slot slot) const;
  Draft& draft() { return drafts_.back(); }
  bool Unused() const { return skip_depth_ != 0 && !capturing_; }

  TextForm form_;
  Kind kind_;
  DecodeLimits limits_;
  ValueLocator* locator_;
  Emit emit_;

  std::vector<Frame> frames_;
  std::vector<Draft> drafts_;   // the object being read, inside of the lists that hold it
  std::size_t skip_depth_ = 0;  // open objects and arrays without fields that are used
  bool capturing_ = false;      // the innermost draft's tree is active
  Slot pending_ = Slot::kSkip;  // of the value that follows the key
  std::string label_key_;

  std::optional<Problem> failure_;
  bool deferred_ = false;
  bool second_pass_ = false;
  std::string second_kind_;
  std::string second_api_version_;
  std::optional<Draft> list_;
  std::optional<Draft> object_;
  std::string event_type_;
};

}  // namespace podgate::compiler
