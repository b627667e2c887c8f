# blocks.sh - the blocks of code in a page, and whether they print what the page says. guide.sh and newUser.sh source it; `blocks` is a
# directory of theirs.

# Writes each block of a page to a file of its number, its words to N.words, the title above it to N.title, and the text that follows to N.text.
split() { # PAGE
  rm -f "$blocks"/*
  awk -v out="$blocks" '
    { line = $0; sub(/^ +/, "", line) }
    !inside && /^#/ { title = $0; sub(/^#+ */, "", title) }
    !inside && substr(line, 1, 3) == "```" {
      inside = 1
      words = substr(line, 4)
      indent = match($0, /`/) - 1
      if (words == "text" && last != "" && !hasText[last]) {
        file = last ".text"
        hasText[last] = 1
      } else {
        n++
        last = file = sprintf("%s/%03d", out, n)
        print words > (file ".words")
        print title > (file ".title")
      }
      printf "" > file
      next
    }
    inside && line == "```" { inside = 0; close(file); next }
    inside { print substr($0, indent + 1) > file }
  ' "$1"
}

# One word a line. Numbers vary, and with them the ends of lines.
wordsOf() {
  sed -E 's/-?[0-9][0-9.,]*/N/g; s/\b(B|KiB|MiB|GiB)\b/SIZE/g' "$1" | tr -s ' \t\n' '\n\n' | sed '/^$/d'
}

# A word "..." of the text stands for any words.
hasText() { # TEXT PRINTED
  awk '
    FNR == NR { printed[++count] = $0; next }
    $0 == "..." { any = 1; next }
    {
      at++
      while (any && at <= count && printed[at] != $0) at++
      if (at > count || printed[at] != $0) { print "expected word " FNR ": " $0; print "printed: " printed[at]; bad = 1; exit }
      any = 0
    }
    END { exit bad || (!any && at < count) }
  ' <(wordsOf "$2") <(wordsOf "$1")
}
