// dragoman completion: shell completion made from the command table itself, so that it cannot fall
// behind.
#include <iostream>
#include <memory>
#include <string>

#include "cli/command_line.h"

namespace dragoman::cli {
namespace {

std::string OptionNames(const CLI::App& command) {
  std::string names;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names += " --" + name;
  }
  return names;
}

std::string BashScript(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands += " " + command->get_name();
    cases += "    " + command->get_name() + ") words=\"" + OptionNames(*command) +
             OptionNames(app) + "\" ;;\n";
  }
  return "# bash completion for dragoman: eval \"$(dragoman completion bash)\"\n"
         "_dragoman() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words=\"\" word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in -*) ;; *) break ;; esac\n"
         "    word=\"\"\n"
         "  done\n"
         "  case $word in\n" +
         cases + "    *) words=\"" + commands + OptionNames(app) +
         "\" ;;\n"
         "  esac\n"
         "  if [[ $current == -* || -z $word ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _dragoman dragoman\n";
}

std::string ZshScript(const CLI::App& app) {
  return "#compdef dragoman\nautoload -U +X bashcompinit && bashcompinit\n" + BashScript(app);
}

std::string FishScript(const CLI::App& app) {
  std::string text = "# fish completion for dragoman: dragoman completion fish | source\n";
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string name = command->get_name();
    text += "complete -c dragoman -n __fish_use_subcommand -a " + name + " -d '" +
            command->get_description() + "'\n";
    for (const CLI::Option* option : command->get_options()) {
      for (const auto& long_name : option->get_lnames()) {
        text += "complete -c dragoman -n '__fish_seen_subcommand_from " + name + "' -l " +
                long_name + "\n";
      }
    }
  }
  return text;
}

}  // namespace

void AddCompletion(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>("bash");
  CLI::App* command =
      app.add_subcommand("completion", "Print a completion script for bash, zsh or fish");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  command->footer("Example:\n  eval \"$(dragoman completion bash)\"");
  command->callback([&app, &context, shell] {
    std::cout << (*shell == "fish"  ? FishScript(app)
                  : *shell == "zsh" ? ZshScript(app)
                                    : BashScript(app));
    context.exit_code = 0;
  });
}

}  // namespace dragoman::cli
