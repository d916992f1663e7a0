// The texts that travel with a model: NOTICE with its licence terms, and the integration README.
#ifndef DRAGOMAN_PACKAGE_DOCUMENTS_H_
#define DRAGOMAN_PACKAGE_DOCUMENTS_H_

#include <string>

#include "package/manifest.h"

namespace dragoman {

// Fills url from id; text_included as given.
ManifestLicense DescribeLicense(const std::string& id, bool text_included);

// NOTICE: the licence by name, what it asks of whoever passes the model on, and that the weights
// were modified.
std::string RenderNotice(const Manifest& manifest);

// README.md: loading, caching, speed, fallback, rollback; every figure from the manifest.
std::string RenderIntegrationReadme(const Manifest& manifest);

}  // namespace dragoman

#endif  // DRAGOMAN_PACKAGE_DOCUMENTS_H_
