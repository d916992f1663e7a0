#include "dragoman/dragoman_c.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "dragoman/translator.h"

struct dragoman_translator {
  std::unique_ptr<dragoman::api::Translator> translator;
};

namespace {

thread_local std::string g_last_error;

const char* OrEmpty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

extern "C" {

dragoman_translator* dragoman_open(const char* model, const char* device, int threads) {
  dragoman::api::Machine machine;
  if (device != nullptr && *device != '\0') machine.device = device;
  machine.threads = threads > 0 ? threads : 0;
  auto translator = dragoman::api::Translator::Open(OrEmpty(model), machine);
  if (!translator) {
    g_last_error = dragoman::ToString(translator.error());
    return nullptr;
  }
  g_last_error.clear();
  return new dragoman_translator{std::move(*translator)};
}

void dragoman_close(dragoman_translator* translator) { delete translator; }

char* dragoman_translate(dragoman_translator* translator, const char* text, const char* from,
                         const char* to) {
  if (translator == nullptr || text == nullptr) {
    g_last_error = "dragoman_translate: translator and text must not be null";
    return nullptr;
  }
  dragoman::api::TranslateOptions options;
  options.from = from == nullptr ? "en" : from;
  options.to = OrEmpty(to);
  const std::string source = text;
  auto translated = translator->translator->Translate(std::span(&source, 1), options);
  if (!translated) {
    g_last_error = dragoman::ToString(translated.error());
    return nullptr;
  }
  const std::string& result = translated->front().text;
  char* copy = static_cast<char*>(std::malloc(result.size() + 1));
  if (copy == nullptr) {
    g_last_error = "out of memory";
    return nullptr;
  }
  std::memcpy(copy, result.c_str(), result.size() + 1);
  g_last_error.clear();
  return copy;
}

void dragoman_free(char* text) { std::free(text); }

const char* dragoman_last_error(void) { return g_last_error.c_str(); }

const char* dragoman_version(void) { return DRAGOMAN_VERSION; }

}  // extern "C"
