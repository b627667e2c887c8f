/* completions.c - see completions.h. Each script has the names and descriptions of the tables, and a fixed part that reads the line. */
#include "completions.h"

#include <string.h>

const char *const completedShells[] = {"bash", "zsh", "fish", NULL};

/* ---- parts of the tables ------------------------------------------------------------------------------------------ */

typedef bool Fits(const Option *option);

static bool isAny(const Option *option) {
  return option->name != NULL;
}

static bool takesValue(const Option *option) {
  return option->value != NULL;
}

static bool takesFile(const Option *option) {
  return option->offer == OFFER_FILES;
}

static bool takesCommand(const Option *option) {
  return option->offer == OFFER_COMMANDS;
}

static bool takesShell(const Option *option) {
  return option->offer == OFFER_SHELLS;
}

/* Writes a blank, and the option with its dashes, for each that fits. */
static void writeOptions(FILE *out, const Command *command, Fits *fits) {
  for (const OptionGroup *group = command->groups; group->options != NULL; group++) {
    for (const Option *option = group->options; option->name != NULL; option++) {
      if (!fits(option)) continue;
      fprintf(out, " --%s", option->name);
      if (option->letter != 0) fprintf(out, " -%c", option->letter);
    }
  }
}

static void writeCommandNames(FILE *out, const Command *const *commands) {
  for (; *commands != NULL; commands++) fprintf(out, "%s ", (*commands)->name);
}

/* Writes the first part of a help, in a shell's single quotes. */
static void writeShort(FILE *out, const char *help) {
  size_t length = strcspn(help, ":;(");
  while (length > 0 && help[length - 1] == ' ') length--;
  for (size_t i = 0; i < length; i++) {
    if (help[i] == '\'') {
      fputs("'\\''", out);
    } else {
      fputc(help[i], out);
    }
  }
}

/* ---- bash --------------------------------------------------------------------------------------------------------- */

static const char *const operandWords[] = {
    [OPERAND_PROGRAM] = "program", [OPERAND_FILE] = "file", [OPERAND_COMMAND] = "command"};

static const char bashHead[] =
    "# Completions of mema for bash. Made by: mema help --completion=bash\n"
    "_mema() {\n"
    "  local current=${COMP_WORDS[COMP_CWORD]} commands options valued files programs shells operands i=2 word option= "
    "operand=\n"
    "  COMPREPLY=()\n";

static const char bashTail[] =
    "    *) return ;;\n"
    "  esac\n"
    "  # Finds the first operand, and the option whose value is the current word. Bash makes three words of --pool=1M.\n"
    "  while [ \"$i\" -le \"$COMP_CWORD\" ] && [ -z \"$operand\" ]; do\n"
    "    word=${COMP_WORDS[i]} option=\n"
    "    if [ \"$word\" = -- ] && [ \"$i\" -lt \"$COMP_CWORD\" ]; then\n"
    "      operand=$((i + 1))\n"
    "    elif [[ $word == -?* ]]; then\n"
    "      if [[ \"$valued \" == *\" $word \"* ]] && [ \"$i\" -lt \"$COMP_CWORD\" ]; then\n"
    "        option=$word i=$((i + 1))\n"
    "        [ \"${COMP_WORDS[i]}\" != = ] || [ \"$i\" -eq \"$COMP_CWORD\" ] || i=$((i + 1))\n"
    "        [ \"$i\" -eq \"$COMP_CWORD\" ] || option=\n"
    "      fi\n"
    "    elif [ \"$i\" -lt \"$COMP_CWORD\" ]; then\n"
    "      operand=$i\n"
    "    fi\n"
    "    i=$((i + 1))\n"
    "  done\n"
    "  [ \"$current\" != = ] || current=\n"
    "  local kind=$operands\n"
    "  if [ -n \"$option\" ]; then\n"
    "    kind=nothing\n"
    "    [[ \"$files \" != *\" $option \"* ]] || kind=file\n"
    "    [[ \"$programs \" != *\" $option \"* ]] || kind=program\n"
    "    [[ \"$shells \" != *\" $option \"* ]] || kind=shell\n"
    "  elif [ -z \"$operand\" ] && [[ $current == -* ]]; then\n"
    "    kind=option\n"
    "  elif [ \"$operands\" = program ] && [ -n \"$operand\" ] && [ \"$operand\" -lt \"$COMP_CWORD\" ]; then\n"
    "    kind=argument\n"
    "  fi\n"
    "  case $kind in\n"
    "    option) mapfile -t COMPREPLY < <(compgen -W \"$options --help -h\" -- \"$current\") ;;\n"
    "    command) mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\") ;;\n"
    "    shell) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- \"$current\") ;;\n"
    "    program) if [[ $current == */* ]]; then kind=file; else mapfile -t COMPREPLY < <(compgen -c -- \"$current\"); fi "
    ";;\n"
    "    argument) if declare -F _command_offset >/dev/null; then _command_offset \"$operand\"; else kind=file; fi ;;\n"
    "  esac\n"
    "  [ \"$kind\" != file ] || mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
    "  [ \"$kind\" != file ] || compopt -o filenames 2>/dev/null\n"
    "}\n"
    "complete -F _mema mema\n";

static void writeBashCommand(FILE *out, const Command *command) {
  fprintf(out, "    %s)\n      operands=%s options='", command->name, operandWords[command->operands]);
  writeOptions(out, command, isAny);
  fputs("'\n      valued='", out);
  writeOptions(out, command, takesValue);
  fputs("'\n      files='", out);
  writeOptions(out, command, takesFile);
  fputs("' programs='", out);
  writeOptions(out, command, takesCommand);
  fputs("' shells='", out);
  writeOptions(out, command, takesShell);
  fputs("'\n      ;;\n", out);
}

static void writeBash(FILE *out, const Command *const *commands) {
  fputs(bashHead, out);
  fputs("  commands='", out);
  writeCommandNames(out, commands);
  fputs(
      "'\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    mapfile -t COMPREPLY < <(compgen -W \"$commands --help --version\" -- \"$current\")\n"
      "    return\n"
      "  fi\n"
      "  case ${COMP_WORDS[1]} in\n",
      out);
  for (; *commands != NULL; commands++) writeBashCommand(out, *commands);
  fputs(bashTail, out);
}

/* ---- zsh ---------------------------------------------------------------------------------------------------------- */

static const char *const zshOffers[] = {
    [OFFER_NOTHING] = " ", [OFFER_FILES] = "_files", [OFFER_COMMANDS] = "_cmdstring", [OFFER_SHELLS] = "(bash zsh fish)"};

static void writeZshOption(FILE *out, const Option *option) {
  fputs(" \\\n        ", out);
  if (option->letter != 0)
    fprintf(out, "'(-%c --%s)'{-%c+,--%s=}'[", option->letter, option->name, option->letter, option->name);
  if (option->letter == 0) fprintf(out, "'--%s%s[", option->name, option->value != NULL ? "=" : "");
  writeShort(out, option->help);
  fputc(']', out);
  if (option->value != NULL) fprintf(out, ":%s:%s", option->value, zshOffers[option->offer]);
  fputc('\'', out);
}

static void writeZshCommand(FILE *out, const Command *command) {
  fprintf(out, "    (%s)\n      _arguments -S%s '(- *)'{-h,--help}'[show this]'", command->name,
          command->operands == OPERAND_PROGRAM ? " -A '-*'" : "");
  for (const OptionGroup *group = command->groups; group->options != NULL; group++)
    for (const Option *option = group->options; option->name != NULL; option++) writeZshOption(out, option);
  if (command->operands == OPERAND_PROGRAM) {
    fputs(" \\\n        '(-)*::program:_mema_program'", out);
  } else if (command->operands == OPERAND_FILE) {
    fputs(" \\\n        '1:file:_files'", out);
  } else {
    fputs(" \\\n        '1:command:_mema_commands'", out);
  }
  fputs("\n      ;;\n", out);
}

static void writeZsh(FILE *out, const Command *const *commands) {
  fputs(
      "#compdef mema\n"
      "# Completions of mema for zsh. Made by: mema help --completion=zsh\n"
      "_mema_commands() {\n"
      "  local -a commands=(\n",
      out);
  for (const Command *const *command = commands; *command != NULL; command++) {
    fprintf(out, "    '%s:", (*command)->name);
    writeShort(out, (*command)->summary);
    fputs("'\n", out);
  }
  fputs(
      "  )\n"
      "  _describe command commands\n"
      "}\n"
      "_mema_program() {\n"
      "  [[ $words[1] != -- ]] || { shift words; (( CURRENT-- )); }\n"
      "  _normal\n"
      "}\n"
      "_mema() {\n"
      "  local context curcontext=$curcontext state line\n"
      "  typeset -A opt_args\n"
      "  _arguments -C '(- *)'{-h,--help}'[show this]' '(- *)--version[show the version]' \\\n"
      "    '1:command:_mema_commands' '*::argument:->argument'\n"
      "  [[ $state == argument ]] || return\n"
      "  case $words[1] in\n",
      out);
  for (; *commands != NULL; commands++) writeZshCommand(out, *commands);
  fputs(
      "  esac\n"
      "}\n"
      "if [ \"$funcstack[1]\" = _mema ]; then _mema \"$@\"; else compdef _mema mema; fi\n",
      out);
}

/* ---- fish --------------------------------------------------------------------------------------------------------- */

static const char *const fishOffers[] = {[OFFER_NOTHING] = " -x",
                                         [OFFER_FILES] = " -r -F",
                                         [OFFER_COMMANDS] = " -x -a '(__fish_complete_command)'",
                                         [OFFER_SHELLS] = " -x -a 'bash zsh fish'"};

static const char fishHead[] =
    "# Completions of mema for fish. Made by: mema help --completion=fish\n"
    "# True if the command is $argv[1], and no operand has been given; the further arguments are options that take a "
    "value.\n"
    "function __mema_at\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -ge 2; and test \"$words[2]\" = \"$argv[1]\"; or return 1\n"
    "    set -e words[1..2]\n"
    "    set -l is_value 0\n"
    "    for word in $words\n"
    "        if test $is_value = 1\n"
    "            set is_value 0\n"
    "        else if contains -- $word $argv[2..-1]\n"
    "            set is_value 1\n"
    "        else if test $word = --; or not string match -q -- '-*' $word\n"
    "            return 1\n"
    "        end\n"
    "    end\n"
    "    return 0\n"
    "end\n"
    "# Completes the program and its arguments: drops our command and options; the arguments are options that take a "
    "value.\n"
    "function __mema_program\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1..2]\n"
    "    while set -q words[1]\n"
    "        set -l word $words[1]\n"
    "        string match -q -- '-*' $word; or break\n"
    "        set -e words[1]\n"
    "        test $word = --; and break\n"
    "        contains -- $word $argv; and set -q words[1]; and set -e words[1]\n"
    "    end\n"
    "    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))\n"
    "end\n"
    "complete -c mema -f\n"
    "complete -c mema -n __fish_use_subcommand -l help -s h -d 'show this'\n"
    "complete -c mema -n __fish_use_subcommand -l version -d 'show the version'\n";

/* The beginning of a line for the options of a command. */
static void writeFishCondition(FILE *out, const Command *command) {
  fprintf(out, "complete -c mema -n '__mema_at %s", command->name);
  writeOptions(out, command, takesValue);
  fputc('\'', out);
}

static void writeFishOption(FILE *out, const Command *command, const Option *option) {
  writeFishCondition(out, command);
  fprintf(out, " -l %s", option->name);
  if (option->letter != 0) fprintf(out, " -s %c", option->letter);
  if (option->value != NULL) fputs(fishOffers[option->offer], out);
  fputs(" -d '", out);
  writeShort(out, option->help);
  fputs("'\n", out);
}

static void writeFishCommand(FILE *out, const Command *const *commands, const Command *command) {
  static const Option help = {.name = "help", .letter = 'h', .help = "show this"};
  fprintf(out, "complete -c mema -n __fish_use_subcommand -a %s -d '", command->name);
  writeShort(out, command->summary);
  fputs("'\n", out);
  writeFishOption(out, command, &help);
  for (const OptionGroup *group = command->groups; group->options != NULL; group++)
    for (const Option *option = group->options; option->name != NULL; option++) writeFishOption(out, command, option);
  if (command->operands == OPERAND_PROGRAM) {
    fprintf(out, "complete -c mema -n '__fish_seen_subcommand_from %s' -x -a '(__mema_program", command->name);
    writeOptions(out, command, takesValue);
    fputs(")'\n", out);
  } else if (command->operands == OPERAND_FILE) {
    writeFishCondition(out, command);
    fputs(" -F\n", out);
  } else {
    writeFishCondition(out, command);
    fputs(" -a '", out);
    writeCommandNames(out, commands);
    fputs("'\n", out);
  }
}

static void writeFish(FILE *out, const Command *const *commands) {
  fputs(fishHead, out);
  for (const Command *const *command = commands; *command != NULL; command++) writeFishCommand(out, commands, *command);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

bool writeCompletions(FILE *out, const Command *const *commands, const char *shell) {
  if (strcmp(shell, "bash") == 0) {
    writeBash(out, commands);
  } else if (strcmp(shell, "zsh") == 0) {
    writeZsh(out, commands);
  } else if (strcmp(shell, "fish") == 0) {
    writeFish(out, commands);
  } else {
    return false;
  }
  return true;
}
