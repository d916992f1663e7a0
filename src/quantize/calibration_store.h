// A calibration on disk, part by part, so that a killed one continues and a finished one is not
// done again: translations of the calibration text, sensitivities, costs of types.
//
// A part is a GGUF of its own, written atomically, in a folder named by what the calibration
// depends on. A file that does not fit is computed again, and one that cannot be written is done
// without, each with a warning: the work itself goes on.
#ifndef DRAGOMAN_QUANTIZE_CALIBRATION_STORE_H_
#define DRAGOMAN_QUANTIZE_CALIBRATION_STORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dragoman/result.h"
#include "quantize/hessian.h"

namespace dragoman {

// The sums of some batches of text that output_sensitivity.h adds up.
struct SensitivityPart {
  struct Linear {
    std::vector<float> rows;            // of the batches one after another
    std::vector<float> output_squares;  // sums of g^2 by output
  };
  uint64_t predicted = 0;  // positions
  std::map<std::string, Linear, std::less<>> linears;
  HessianMap tables;  // sums, not means
};

// What a text was translated to, and from how many prompts.
struct StoredTranslation {
  std::string text;
  int pieces = 1;
};

// What one type of a tensor costs, see type_choice.h.
struct StoredTypeCost {
  std::string type;
  double predicted_kl = 0;
};

class CalibrationStore {
 public:
  // FOLDER/KEY, made with the first part.
  CalibrationStore(std::string folder, const std::string& key);

  const std::string& folder() const { return folder_; }

  std::optional<std::vector<StoredTranslation>> LoadTranslations(size_t part, size_t count) const;
  void SaveTranslations(size_t part, std::span<const StoredTranslation> translations) const;

  std::optional<SensitivityPart> LoadSensitivities(size_t part) const;
  void SaveSensitivities(size_t part, const SensitivityPart& sensitivities) const;

  // `key`: what the costs depend on besides the calibration.
  std::optional<std::vector<StoredTypeCost>> LoadCosts(const std::string& key,
                                                       const std::string& tensor) const;
  void SaveCosts(const std::string& key, const std::string& tensor,
                 std::span<const StoredTypeCost> costs) const;

 private:
  std::string PartPath(const char* step, size_t part) const;
  std::string CostsPath(const std::string& key, const std::string& tensor) const;

  std::string folder_;
};

// Where calibrations are kept unless the caller says otherwise: DRAGOMAN_CACHE, else
// XDG_CACHE_HOME/dragoman, else ~/.cache/dragoman. Empty when none of the three is set.
std::string DefaultCacheFolder();

}  // namespace dragoman

#endif  // DRAGOMAN_QUANTIZE_CALIBRATION_STORE_H_
