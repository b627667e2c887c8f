# callgrind.awk - what readers of callgrind's files share. A reader is this text and its own behind it.
#
# A function's own instructions follow its object (ob=), its file (fl=) and its name, a line of source each; the line behind "calls=" is
# what a callee took. Names are told once, and numbered: nameOf gives the name of such a line.
function nameOf(text,  number) {
  number = text
  sub(/^[a-z]+=/, "", number)
  text = number
  sub(/ .*/, "", number)
  if (text ~ / /) names[number] = substr(text, index(text, " ") + 1)
  return names[number]
}
