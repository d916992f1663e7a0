// Looks for credentials in what a run leaves behind (row S4). What is found is named by place,
// never repeated.
#ifndef DRAGOMAN_SHIP_SECRETS_H_
#define DRAGOMAN_SHIP_SECRETS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dragoman/result.h"

namespace dragoman {

// Name and value of every environment variable that looks like a credential by its name.
std::vector<std::pair<std::string, std::string>> EnvironmentSecrets();

// "the value of HF_TOKEN", "a private key"; empty when the text holds none.
std::string FindSecret(std::string_view text,
                       const std::vector<std::pair<std::string, std::string>>& secrets);

// Looks into every text file up to 64 MiB below the folders. Returns "logs/ship.log holds ..." or
// empty. Errors: kIo.
Result<std::string> FindSecretInFolders(const std::vector<std::string>& folders);

}  // namespace dragoman

#endif  // DRAGOMAN_SHIP_SECRETS_H_
