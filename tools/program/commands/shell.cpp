// `tinymlp completion SHELL` and `tinymlp manual`: what the commands know of themselves, as a
// shell's completion or as a manual page. Made from the option parser's own tree, so that neither
// goes stale.
#include "commands/shell.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "commands.hpp"
#include "models/model.hpp"
#include "models/open_model.hpp"
#include "system/atomic_file.hpp"
#include "system/text.hpp"
#include "system/version.hpp"

namespace tinymlp::tools {

namespace {

struct option_facts {
  std::vector<std::string> names; // with their dashes; none where it is positional
  std::string metavar;            // of the value; empty for flags
  std::vector<std::string> choices;
  bool takes_value = false, takes_file = false, repeats = false;
  std::string description;
};
struct command_facts {
  std::string path; // "tinymlp registry add"
  std::string description, footer;
  std::vector<option_facts> options;
  std::vector<std::string> subcommands;
};

std::vector<std::string> split(std::string_view list, std::string_view separator) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + separator.size(), list.size()));
  }
  return parts;
}

// "NAME:{csv,json}" -> NAME, and csv and json
option_facts facts_of(const CLI::Option& option) {
  option_facts facts;
  for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  facts.description = option.get_description();
  facts.takes_value = option.get_items_expected_max() != 0 && !option.get_type_name().empty();
  if (!facts.takes_value) return facts;
  facts.repeats = option.get_items_expected_max() > 1;
  const std::string type = option.get_type_name();
  facts.metavar = facts.names.empty() ? option.get_name() : type.substr(0, type.find(':'));
  facts.takes_file = type.find("FILE") != std::string::npos || facts.names.empty();
  if (const std::size_t open = type.find('{'); open != std::string::npos)
    facts.choices = split(std::string_view(type).substr(open + 1, type.find('}') - open - 1), ",");
  for (const std::string& name : facts.names) {
    if (name == "--isa") facts.choices = split(isa_names(), ", ");
    if (name == "--model") facts.choices = split(compiled_in_names(), ", ");
  }
  return facts;
}

void collect(const CLI::App& app, const std::string& path, std::vector<command_facts>& to) {
  command_facts facts{path, app.get_description(), app.get_footer(), {}, {}};
  for (const CLI::Option* option : app.get_options())
    if (!option->get_group().empty()) facts.options.push_back(facts_of(*option));
  const auto commands = app.get_subcommands([](const CLI::App* command) {
    return !command->get_group().empty(); // one that is hidden has none
  });
  for (const CLI::App* command : commands) facts.subcommands.push_back(command->get_name());
  to.push_back(facts);
  for (const CLI::App* command : commands) collect(*command, path + " " + command->get_name(), to);
}

std::vector<command_facts> all_commands(const CLI::App& app) {
  std::vector<command_facts> all;
  collect(app, app.get_name(), all);
  return all;
}

std::string in_single_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}
std::string words(const std::vector<std::string>& list) { return joined(list, " "); }

// _tinymlp_score of "tinymlp score"; zsh loads _tinymlp-player from the file of that name.
std::string function_of(std::string_view path) {
  std::string name = "_" + std::string(path);
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::string bash(const std::vector<command_facts>& commands, std::string_view made_by) {
  const std::string& program = commands[0].path;
  std::string paths, values, offers;
  for (const command_facts& command : commands) {
    if (command.path != program)
      paths += fmt::format("{}{}", paths.empty() ? "" : " | ", in_single_quotes(command.path));
    std::vector<std::string> offered = command.subcommands;
    for (const option_facts& option : command.options) {
      offered.insert(offered.end(), option.names.begin(), option.names.end());
      if (option.names.empty())
        offered.insert(offered.end(), option.choices.begin(), option.choices.end());
      if (!option.takes_value || option.names.empty()) continue;
      std::vector<std::string> cases;
      for (const std::string& name : option.names)
        cases.push_back(in_single_quotes(command.path + " " + name));
      std::string reply;
      if (!option.choices.empty())
        reply += fmt::format(" COMPREPLY+=($(compgen -W '{}' -- \"$cur\"))", words(option.choices));
      if (option.takes_file)
        reply += fmt::format("{} COMPREPLY+=($(compgen -f -- \"$cur\"))", reply.empty() ? "" : ";");
      values += fmt::format("    {}){}{} return ;;\n", joined(cases, " | "), reply,
                            reply.empty() ? "" : ";");
    }
    offers +=
        fmt::format("    {}) offers='{}' ;;\n", in_single_quotes(command.path), words(offered));
  }
  if (paths.empty()) paths = "''"; // which no word matches
  std::string function = function_of(program);
  std::replace(function.begin(), function.end(), '-', '_'); // or POSIX's mode refuses it
  return fmt::format(R"(# bash completion for {0}, made by: {1}
{2}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command={0} offers= i
  local IFS=$' \t\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$command ${{COMP_WORDS[i]}}" in
    {3}) command+=" ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$command $prev" in
{4}  esac
  case $command in
{5}  esac
  COMPREPLY=($(compgen -W "$offers" -- "$cur"))
  [[ $cur == -* ]] || {{ local IFS=$'\n'; COMPREPLY+=($(compgen -f -- "$cur")); }}
}}
complete -o filenames -F {2} {0}
)",
                     program, made_by, function, paths, values, offers);
}

// A description in one line, without what ends it in an argument of zsh's _arguments.
std::string in_brackets(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') plain += '\\';
    plain += c == '\n' ? ' ' : c;
  }
  return plain;
}

std::string zsh(const std::vector<command_facts>& commands, std::string_view made_by) {
  const std::string& program = commands[0].path;
  std::string text =
      fmt::format("#compdef {0}\n# zsh completion for {0}, made by: {1}\n", program, made_by);
  for (const command_facts& command : commands) {
    text += fmt::format("{}() {{\n", function_of(command.path));
    std::string arguments;
    int positionals = 0;
    for (const option_facts& option : command.options) {
      std::string value;
      if (option.takes_value) {
        value = fmt::format(":{}:", option.metavar);
        if (!option.choices.empty() && option.takes_file)
          value += fmt::format("{{compadd {}; _files}}", words(option.choices));
        else if (!option.choices.empty())
          value += fmt::format("({})", words(option.choices));
        else if (option.takes_file)
          value += "_files";
      }
      if (option.names.empty()) {
        // zsh takes one "*" for all that follow, and refuses a second
        ++positionals;
        const std::string place = option.repeats ? "*" : std::to_string(positionals);
        if (command.subcommands.empty())
          arguments += fmt::format(" \\\n    {}", in_single_quotes(place + value));
        continue;
      }
      for (const std::string& name : option.names)
        arguments += fmt::format(
            " \\\n    {}", in_single_quotes(fmt::format("{}[{}]{}", name,
                                                        in_brackets(option.description), value)));
    }
    if (command.subcommands.empty()) {
      text += fmt::format("  _arguments{}\n", arguments);
    } else {
      std::string cases;
      for (const std::string& name : command.subcommands)
        cases += fmt::format("    {}) {} ;;\n", name, function_of(command.path + " " + name));
      text += fmt::format("  local context state state_descr line\n  typeset -A opt_args\n"
                          "  _arguments -C{} \\\n    '1:command:({})' '*::argument:->rest'\n"
                          "  [[ $state == rest ]] || return 0\n  case $line[1] in\n{}  esac\n",
                          arguments, words(command.subcommands), cases);
    }
    text += "}\n";
  }
  return text + fmt::format("[[ $funcstack[1] == {0} ]] && {0} \"$@\" || compdef {0} {1}\n",
                            function_of(program), program);
}

std::string fish(const std::vector<command_facts>& commands, std::string_view made_by) {
  const std::string& program = commands[0].path;
  std::string text = fmt::format("# fish completion for {}, made by: {}\n", program, made_by);
  const auto quoted = [](std::string_view plain) {
    std::string to = "'";
    for (const char c : plain) {
      if (c == '\'' || c == '\\') to += '\\';
      to += c == '\n' ? ' ' : c;
    }
    return to + "'";
  };
  for (const command_facts& command : commands) {
    std::string when;
    std::string_view rest = command.path;
    if (rest != program) {
      rest.remove_prefix(program.size() + 1);
      for (std::size_t space; !rest.empty(); rest.remove_prefix(std::min(space + 1, rest.size()))) {
        space = std::min(rest.find(' '), rest.size());
        when += fmt::format("{}__fish_seen_subcommand_from {}", when.empty() ? "" : "; and ",
                            rest.substr(0, space));
      }
    } else if (!command.subcommands.empty()) {
      when = "__fish_use_subcommand";
    }
    if (!command.subcommands.empty()) {
      const std::string none_yet = command.path == program
                                       ? when
                                       : fmt::format("{}; and not __fish_seen_subcommand_from {}",
                                                     when, words(command.subcommands));
      for (const command_facts& below : commands)
        for (const std::string& name : command.subcommands)
          if (below.path == command.path + " " + name)
            text += fmt::format("complete -c {} -n {} -f -a {} -d {}\n", program, quoted(none_yet),
                                name, quoted(below.description));
    }
    for (const option_facts& option : command.options) {
      if (option.names.empty()) continue;
      std::string line = "complete -c " + program + (when.empty() ? "" : " -n " + quoted(when));
      for (const std::string& name : option.names)
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes_value)
        line += option.takes_file ? " -r" : " -x";
      else
        line += " -f";
      if (!option.choices.empty()) line += " -a " + quoted(words(option.choices));
      text += line + " -d " + quoted(option.description) + "\n";
    }
  }
  return text;
}

// Text for troff: dashes that stay dashes, no line that looks like a request.
std::string troff(std::string_view text) {
  std::string to;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (to.empty() || to.back() == '\n')) to += "\\&";
    if (c == '\\')
      to += "\\e";
    else if (c == '-')
      to += "\\-";
    else
      to += c;
  }
  return to;
}

std::string manual(const std::vector<command_facts>& commands, std::string_view purpose,
                   std::string_view made_by) {
  const std::string& program = commands[0].path;
  std::string title = program;
  for (char& c : title)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  std::string text =
      fmt::format(".\\\" Made by: {}\n.TH {} 1 \"\" \"tinymlp {}\" \"User Commands\"\n"
                  ".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
                  made_by, troff(title), version, troff(program), troff(purpose));
  for (const command_facts& command : commands)
    if (command.subcommands.empty()) {
      std::string positionals;
      for (const option_facts& option : command.options)
        if (option.names.empty()) positionals += fmt::format(" \\fI{}\\fR", troff(option.metavar));
      text += fmt::format(".B {}\n[\\fIOPTION\\fR]...{}\n.br\n", troff(command.path), positionals);
    }
  text += fmt::format(".SH DESCRIPTION\n{}\n", troff(commands[0].description));
  for (const command_facts& command : commands) {
    const bool top = command.path == program;
    text += top ? ".SH OPTIONS\n"
                : fmt::format(".SH {}\n{}.\n", troff(command.path), troff(command.description));
    for (const option_facts& option : command.options) {
      std::string names = joined(option.names, ", ");
      if (option.takes_value) names += (names.empty() ? "" : " ") + option.metavar;
      std::string choices;
      if (!option.choices.empty() &&
          option.description.find(option.choices[0]) == std::string::npos)
        choices = " One of: " + joined(option.choices, ", ") + ".";
      text += fmt::format(".TP\n.B {}\n{}{}\n", troff(names), troff(option.description),
                          troff(choices));
    }
    // That of a program with commands is said here in other places.
    if (!command.footer.empty() && !(top && !command.subcommands.empty()))
      text += fmt::format(".PP\n.nf\n{}\n.fi\n", troff(command.footer));
  }
  return text + fmt::format(".SH EXIT STATUS\n{}\n",
                            troff("0 success, 1 the input or a check failed, 2 wrong usage."));
}

const std::vector<std::string> shells{"bash", "zsh", "fish"};

} // namespace

std::string completion(const CLI::App& app, std::string_view shell, std::string_view made_by) {
  const std::vector<command_facts> commands = all_commands(app);
  if (shell == "bash") return bash(commands, made_by);
  return shell == "zsh" ? zsh(commands, made_by) : fish(commands, made_by);
}

std::string manual_page(const CLI::App& app, std::string_view purpose, std::string_view made_by) {
  return manual(all_commands(app), purpose, made_by);
}

void add_shell_options(CLI::App& app, std::string_view purpose) {
  // As --help does it: they end the parsing before it asks for what is required.
  const auto shown = [&app](const std::string& shell) {
    print(completion(app, shell, app.get_name() + " --completion " + shell));
    throw CLI::Success();
  };
  app.add_option_function<std::string>("--completion", shown,
                                       "Print the completion for a shell: bash, zsh or fish")
      ->type_name("SHELL")
      ->check(CLI::IsMember(shells));
  app.add_flag_callback("--manual",
                        [&app, purpose = std::string(purpose)] {
                          print(manual_page(app, purpose, app.get_name() + " --manual"));
                          throw CLI::Success();
                        })
      ->group("");
}

void add_completion_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("completion", "Print the completion for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(shells));
  command->footer("Examples:\n"
                  "  source <(tinymlp completion bash)\n"
                  "  tinymlp completion zsh > ~/.zfunc/_tinymlp\n"
                  "  tinymlp completion fish > ~/.config/fish/completions/tinymlp.fish");
  command->callback(
      [shell, &app] { print(completion(app, *shell, app.get_name() + " completion " + *shell)); });
}

// For packages; a reader has --help.
void add_manual_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("manual", "Print the manual page, for man")->group("");
  command->callback([&app] {
    print(manual_page(app, "score small multilayer perceptrons stored as ONNX", "tinymlp manual"));
  });
}

} // namespace tinymlp::tools
