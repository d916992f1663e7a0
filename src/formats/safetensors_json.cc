#include "formats/safetensors_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/json.h"
#include "formats/names.h"
#include "formats/safetensors.h"

namespace dragoman {
namespace {

// Where in the header an event falls.
enum class Place { kStart, kTop, kTensor, kMetadata, kShape, kOffsets, kEnd };
// The member of a tensor's object whose value comes next.
enum class Member { kNone, kDtype, kShape, kOffsets };

// Takes the parser's events; every event that the format has no place for ends the parse with a
// reason.
class HeaderEvents : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("a bool"); }
  bool number_integer(number_integer_t) override { return Unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return Unexpected("a number that is no integer below 2^64");
  }
  bool binary(binary_t&) override { return Unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (entry_.shape.size() == kSafetensorsMaxDims) {
        return Stop(fmt::format("{}: expected at most {} dimensions, found more", Subject(),
                                kSafetensorsMaxDims));
      }
      entry_.shape.push_back(value);
      return true;
    }
    if (place_ == Place::kOffsets) {
      if (entry_.offsets.size() == 2) {
        return Stop(Subject() + ": expected two data_offsets, found more");
      }
      entry_.offsets.push_back(value);
      return true;
    }
    return Unexpected("a number");
  }

  bool string(string_t& value) override {
    if (place_ == Place::kTensor && member_ == Member::kDtype) {
      entry_.dtype = std::move(value);
      member_ = Member::kNone;
      return true;
    }
    if (place_ == Place::kMetadata) {
      out_.metadata.emplace_back(std::move(key_), std::move(value));
      return true;
    }
    return Unexpected("a string");
  }

  bool start_object(size_t) override {
    if (place_ == Place::kStart) {
      place_ = Place::kTop;
      return true;
    }
    if (place_ != Place::kTop) return Unexpected("an object");
    if (key_ == "__metadata__") {
      place_ = Place::kMetadata;
      return true;
    }
    place_ = Place::kTensor;
    entry_ = {};
    entry_.name = std::move(key_);
    seen_dtype_ = seen_shape_ = seen_offsets_ = false;
    return true;
  }

  bool key(string_t& value) override {
    if (place_ == Place::kTop) {
      if (!keys_.insert(value).second) {
        return Stop(Quoted(value) + ": expected each name once, found it again");
      }
    } else if (place_ == Place::kMetadata) {
      if (!metadata_keys_.insert(value).second) {
        return Stop("__metadata__: expected each key once, found " + Quoted(value) + " again");
      }
    } else if (place_ == Place::kTensor) {
      return StartMember(value);
    }
    key_ = std::move(value);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kTop) {
      place_ = Place::kEnd;
      return true;
    }
    if (place_ == Place::kTensor && !FinishTensor()) return false;
    place_ = Place::kTop;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ == Place::kTensor && member_ == Member::kShape) {
      place_ = Place::kShape;
    } else if (place_ == Place::kTensor && member_ == Member::kOffsets) {
      place_ = Place::kOffsets;
    } else {
      return Unexpected("an array");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::kTensor;
    member_ = Member::kNone;
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    return Stop(fmt::format("expected JSON, found an error at byte {} of the header ({})", position,
                            error.what()));
  }

  const std::string& problem() const { return problem_; }
  SafetensorsEntries Take() { return std::move(out_); }

 private:
  std::string Subject() const {
    switch (place_) {
      case Place::kStart:
      case Place::kEnd:
        return "header";
      case Place::kTop:
        return Quoted(key_);
      case Place::kMetadata:
        return "__metadata__ " + Quoted(key_);
      default:
        return "tensor " + Quoted(entry_.name);
    }
  }

  bool Stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool Unexpected(const char* found) {
    const char* expected = "an object";
    if (place_ == Place::kMetadata || member_ == Member::kDtype) expected = "a string";
    if (place_ == Place::kShape || place_ == Place::kOffsets) expected = "an unsigned integer";
    if (place_ == Place::kTensor && (member_ == Member::kShape || member_ == Member::kOffsets)) {
      expected = "an array";
    }
    return Stop(fmt::format("{}: expected {}, found {}", Subject(), expected, found));
  }

  bool StartMember(const std::string& name) {
    bool* seen = nullptr;
    if (name == "dtype") {
      member_ = Member::kDtype;
      seen = &seen_dtype_;
    } else if (name == "shape") {
      member_ = Member::kShape;
      seen = &seen_shape_;
    } else if (name == "data_offsets") {
      member_ = Member::kOffsets;
      seen = &seen_offsets_;
    } else {
      return Stop(fmt::format("{}: expected dtype, shape and data_offsets, found {}", Subject(),
                              Quoted(name)));
    }
    if (*seen) return Stop(fmt::format("{}: expected {} once, found it again", Subject(), name));
    *seen = true;
    return true;
  }

  bool FinishTensor() {
    if (!seen_dtype_ || !seen_shape_ || entry_.offsets.size() != 2) {
      return Stop(Subject() + ": expected dtype, shape and two data_offsets, found less");
    }
    if (out_.tensors.size() == kSafetensorsMaxTensors) {
      return Stop(fmt::format("expected at most {} tensors, found more", kSafetensorsMaxTensors));
    }
    const std::string problem = ProblemWithName(entry_.name, kSafetensorsMaxNameBytes);
    if (!problem.empty()) return Stop(Subject() + ": its name: " + problem);
    out_.tensors.push_back(std::move(entry_));
    return true;
  }

  Place place_ = Place::kStart;
  Member member_ = Member::kNone;
  bool seen_dtype_ = false, seen_shape_ = false, seen_offsets_ = false;
  std::string key_;
  SafetensorsEntry entry_;
  SafetensorsEntries out_;
  std::unordered_set<std::string> keys_, metadata_keys_;
  std::string problem_;
};

}  // namespace

Result<SafetensorsEntries> ParseSafetensorsJson(std::string_view json, const std::string& where) {
  const auto corrupt = [&](const std::string& problem) {
    return Fail(ErrorCode::kCorruptFile, problem, where);
  };
  if (json.empty() || json.front() != '{') return corrupt("header: expected it to begin with {");
  const size_t zero = json.find('\0');  // would end the text for the JSON parser
  if (zero != json.npos)
    return corrupt(fmt::format("header: found a zero byte at offset {}", zero));
  HeaderEvents events;
  try {
    if (Json::sax_parse(json.begin(), json.end(), &events)) return events.Take();
  } catch (const Json::exception& e) {
    return corrupt(std::string("header: ") + e.what());
  }
  return corrupt(events.problem());
}

}  // namespace dragoman
