#include "package/documents.h"

#include <fmt/format.h>

#include <algorithm>

namespace dragoman {
namespace {

constexpr const char* kGemmaTermsUrl = "https://ai.google.dev/gemma/terms";
constexpr const char* kGemmaPolicyUrl = "https://ai.google.dev/gemma/prohibited_use_policy";

std::string Gigabytes(uint64_t bytes) {
  if (bytes < 1000000000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string ModificationNote(const Manifest& manifest) {
  return fmt::format(
      "Modification notice: the files listed in manifest.json are a Model Derivative. The weights "
      "of {} were\n"
      "converted to GGUF and rounded to {} by {}; the vision tower, where the original had one, "
      "was left out.\n",
      manifest.model.base_model, manifest.model.quantization, manifest.created_by);
}

std::string GemmaNotice(const Manifest& manifest) {
  return fmt::format(
      "Gemma is provided under and subject to the Gemma Terms of Use found at "
      "ai.google.dev/gemma/terms\n\n"
      "{}\n"
      "Whoever passes these files on, or offers them as a hosted service, must\n"
      "- hand on a copy of the Gemma Terms of Use ({}){},\n"
      "- make the use restrictions of their section 3.2 and of the Gemma Prohibited Use Policy\n"
      "  ({}) enforceable terms of the agreement under which they pass them on,\n"
      "- keep this notice file, and mark files they change themselves as changed.\n"
      "Use of these files is subject to those restrictions.\n",
      ModificationNote(manifest), kGemmaTermsUrl,
      manifest.license.text_included
          ? ", here LICENSE.txt"
          : "; it is not part of this package: add it before passing the package on",
      kGemmaPolicyUrl);
}

std::string PlainNotice(const Manifest& manifest) {
  if (manifest.license.id == "unstated") {
    return fmt::format(
        "The model file states no licence (general.license is absent). Find out under which terms "
        "{} may be\n"
        "passed on, and add them here, before this package leaves the house.\n\n{}",
        manifest.model.base_model, ModificationNote(manifest));
  }
  std::string text =
      fmt::format("{} is licensed under {}", manifest.model.name, manifest.license.id);
  if (!manifest.license.url.empty()) text += " (" + manifest.license.url + ")";
  text += manifest.license.text_included ? "; its text is LICENSE.txt.\n\n"
                                         : "; the licence's text is not part of this package.\n\n";
  return text + ModificationNote(manifest);
}

std::string StatusParagraph(const Manifest& manifest) {
  const ManifestProof& proof = manifest.proof;
  if (proof.proven) {
    return fmt::format("**Proven.** The quality gate said GO. {}\n", proof.reason);
  }
  if (proof.decision == "NONE") {
    return "**Unproven.** This build was never compared with its baseline; do not deploy it as it "
           "is.\n";
  }
  return fmt::format("**Not proven.** The quality gate said {}. {}\n", proof.decision,
                     proof.reason);
}

std::string FactsTable(const Manifest& manifest) {
  std::string text = "| | |\n|---|---|\n";
  const auto row = [&text](const std::string& name, const std::string& value) {
    text += "| " + name + " | " + value + " |\n";
  };
  row("model", manifest.model.name + " " + manifest.model.version);
  row("made from", manifest.model.base_model);
  row("quantization", manifest.model.quantization);
  row("languages", manifest.languages.empty() ? "not stated" : Join(manifest.languages));
  row("download and storage",
      fmt::format("{} in {} shard{}", Gigabytes(manifest.whole.bytes), manifest.files.size(),
                  manifest.files.size() == 1 ? "" : "s"));
  if (manifest.measured) {
    const ManifestMeasurement& m = *manifest.measured;
    row("latency a sentence", fmt::format("median {:.0f} ms, 90 % within {:.0f} ms, on {}",
                                          m.latency_p50_ms, m.latency_p90_ms, m.device));
    row("load time", fmt::format("{:.2f} s", m.load_seconds));
    row("peak memory", Gigabytes(m.peak_memory_bytes));
    row("speed", fmt::format("{:.0f} tokens/s", m.tokens_per_second));
  } else {
    row("latency and memory", "not measured");
  }
  row("licence", manifest.license.id + ", see NOTICE");
  return text;
}

std::string CompressionParagraph(const Manifest& manifest) {
  if (manifest.compression.empty()) return {};
  std::string text = "Transport compression, measured on ";
  text += manifest.compression[0].sampled
              ? Gigabytes(manifest.compression[0].raw_bytes) + " in slices spread over the file:"
              : "the whole file:";
  double best = 0;
  for (const ManifestCompression& figure : manifest.compression) {
    const double ratio =
        static_cast<double>(figure.raw_bytes) / static_cast<double>(figure.compressed_bytes);
    best = std::max(best, ratio);
    text += fmt::format(" {} {:.3f}x,", figure.method, ratio);
  }
  text.back() = '.';
  return text + fmt::format(
                    " The shards are stored uncompressed: {:.1f} % less to download would cost a "
                    "decoder and\n"
                    "the ability to map or fetch byte ranges.\n",
                    best > 0 ? 100.0 * (1.0 - 1.0 / best) : 0.0);
}

std::string LoadingSection(const Manifest& manifest) {
  return fmt::format(
      "## Loading\n\n"
      "`manifest.json` lists the shards in order; one after the other they are `{0}`\n"
      "({1} bytes, SHA-256 `{2}`).\n\n"
      "1. Fetch `manifest.json` and refuse it unless `schema` is `{3}`.\n"
      "2. For each entry of `files`: skip it if the cache holds it with its `sha256`; else fetch "
      "it (up to four at a\n"
      "   time), hash it while it streams, and store it only when size and hash agree. A cut "
      "download continues with\n"
      "   the first missing shard; inside a shard, with an HTTP `Range` request.\n"
      "3. Concatenate, or map the shards as one byte range, and open the result as GGUF.\n\n"
      "```js\n"
      "const manifest = await (await fetch(base + 'manifest.json')).json();\n"
      "const cache = await caches.open('model-' + manifest.whole.sha256);\n"
      "for (const file of manifest.files) {{\n"
      "  if (await cache.match(file.path)) continue;\n"
      "  const bytes = await (await fetch(base + file.path)).arrayBuffer();\n"
      "  const digest = await crypto.subtle.digest('SHA-256', bytes);\n"
      "  const hex = [...new Uint8Array(digest)].map(b => b.toString(16).padStart(2, "
      "'0')).join('');\n"
      "  if (bytes.byteLength !== file.bytes || hex !== file.sha256) throw new Error('damaged: ' + "
      "file.path);\n"
      "  await cache.put(file.path, new Response(bytes));\n"
      "}}\n"
      "```\n\n"
      "On a server or desktop: `cat {4} > {0}`, check the hash, then `dragoman translate --model "
      "{0}`.\n"
      "`dragoman package --verify FOLDER` checks everything in this folder.\n\n",
      manifest.whole.path, manifest.whole.bytes, manifest.whole.sha256, kManifestSchema,
      "shards/model-*.bin");
}

std::string OperationSections(const Manifest& manifest) {
  return fmt::format(
      "## Caching\n\n"
      "- Shard names repeat from version to version; key caches by `sha256`, never by name.\n"
      "- Serve shards with `Cache-Control: public, max-age=31536000, immutable` under a folder "
      "named by version, and\n"
      "  `manifest.json` with `no-cache`: it is what changes.\n"
      "- In a browser prefer the origin private file system over Cache Storage for files above 1 "
      "GB, and ask for\n"
      "  `navigator.storage.persist()`, or the model may be evicted. {0} of storage is needed "
      "once.\n\n"
      "## Speed\n\n"
      "- Load the model once and keep it: the prompt's beginning is the same for every text of a "
      "language pair, and\n"
      "  its keys and values are computed once per loaded pair.\n"
      "- Translate many short texts as one batch; it is several times faster than one after the "
      "other.\n"
      "- Split long texts at sentences. Stop at both end tokens (`<eos>` and `<end_of_turn>`).\n"
      "- Browser threads need cross-origin isolation (`Cross-Origin-Opener-Policy: same-origin`,\n"
      "  `Cross-Origin-Embedder-Policy: require-corp`).\n\n"
      "## Fallback: {1}\n\n"
      "Until the last shard is verified, and whenever loading or a translation fails, {2}\n"
      "Switch over between two requests, never inside one, and tell the user which engine "
      "answered.\n\n"
      "## Rollback\n\n"
      "Keep the previous version's folder in place. Rolling back is publishing the previous "
      "`manifest.json` again:\n"
      "clients compare hashes, find the old shards in their cache or fetch them, and drop the "
      "others. Without a\n"
      "previous version, serve the fallback only.\n",
      Gigabytes(manifest.whole.bytes), manifest.fallback,
      manifest.fallback == "cloud" ? "send the text to the cloud translation API and show its "
                                     "answer; ask the user first where texts may\n"
                                     "be private."
      : manifest.fallback == "none"
          ? "say that translation is not ready yet and show the download's progress."
          : "use \"" + manifest.fallback + "\".");
}

}  // namespace

ManifestLicense DescribeLicense(const std::string& id, bool text_included) {
  static const std::pair<const char*, const char*> kUrls[] = {
      {"gemma", kGemmaTermsUrl},
      {"apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"},
      {"mit", "https://opensource.org/license/mit"},
      {"cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/"},
      {"cc-by-sa-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"},
      {"cc-by-nc-4.0", "https://creativecommons.org/licenses/by-nc/4.0/"},
  };
  ManifestLicense license;
  license.id = id.empty() ? "unstated" : id;
  license.text_included = text_included;
  for (const auto& [known, url] : kUrls) {
    if (license.id == known) license.url = url;
  }
  return license;
}

std::string RenderNotice(const Manifest& manifest) {
  return manifest.license.id == "gemma" ? GemmaNotice(manifest) : PlainNotice(manifest);
}

std::string RenderIntegrationReadme(const Manifest& manifest) {
  std::string text = fmt::format("# {} {} ({})\n\n", manifest.model.name, manifest.model.version,
                                 manifest.model.quantization);
  text += StatusParagraph(manifest) + "\n" + FactsTable(manifest) + "\n" +
          CompressionParagraph(manifest) + "\n";
  return text + LoadingSection(manifest) + OperationSections(manifest);
}

}  // namespace dragoman
