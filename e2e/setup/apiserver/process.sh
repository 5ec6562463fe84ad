# shellcheck shell=bash
# process.sh: sourced by up and down. A process is known by its id and the moment of its start, which are the same from fork on,
# whatever it executes, and never another process's.

# identity PID: "PID START", as up notes it; nothing when no such process runs. One that has ended and only waits for its
# parent does not run.
identity() {
  local line fields
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  read -ra fields <<<"${line##*) }" # the name, in parentheses, may hold anything; then come the state and the rest
  [ "${fields[0]}" = Z ] || echo "$1 ${fields[19]}"
}

# runs FILE: whether the process runs that was noted in the file.
runs() {
  local noted
  noted=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$noted" ] && [ "$(identity "${noted% *}")" = "$noted" ]
}
