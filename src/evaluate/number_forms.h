// Numbers of a text, however a language writes them.
#ifndef DRAGOMAN_EVALUATE_NUMBER_FORMS_H_
#define DRAGOMAN_EVALUATE_NUMBER_FORMS_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dragoman {

// "1,234.50", "1.234,5" and "1 234,5" all have the key "12345". The parts, 1, 234 and 50, stand for
// themselves where something else was meant: a time (12.30), a date (31.12.2024), two numbers.
struct NumberForm {
  std::string key;
  std::vector<std::string> parts;
  bool by_magnitude = false;  // "1.5 million", which other languages count otherwise
  bool of_half_day = false;   // the hour of "3:45 p.m."
  bool by_thousands = false;  // "1,234,567": one number, whatever its digits are
  bool may_be_month = false;  // of a date: 3/25/2024, 3月; its name may stand instead
};
// Digits of every script that the prompt's languages use.
std::vector<NumberForm> ReadNumbers(std::string_view text);

// The numbers of a text, to be taken out one by one. Words that may be numbers are among them:
// Chinese numerals and Roman ones.
class NumberPool {
 public:
  explicit NumberPool(std::string_view text);
  // As a whole, as its parts, by another unit (1,500,000: 1.5 million) or by half days (15: 3
  // p.m.).
  bool Take(const NumberForm& number);
  // A number left over, in digits, that neither text has.
  bool HasOther(std::string_view one, std::string_view two) const;

 private:
  struct Part {
    std::string key;
    bool taken = false;
  };
  struct Entry {
    std::string key;
    std::vector<Part> parts;
    std::string digits;  // of the key; those that were taken as parts of a telephone number are 'x'
    bool taken = false, in_words = false, by_magnitude = false, of_half_day = false,
         by_thousands = false;
    bool Begun() const;
  };
  bool TakeWhole(const std::string& key);
  bool TakePart(const std::string& key);
  bool TakeDigits(const std::string& key);
  bool TakeOtherwise(const std::string& key);

  std::vector<Entry> entries_;
};

// Up to twelve: languages like to spell these out.
bool IsSmallNumber(const NumberForm& number);

}  // namespace dragoman

#endif  // DRAGOMAN_EVALUATE_NUMBER_FORMS_H_
