#!/usr/bin/env bash
# Installs the Debian packages that tests use, or with `bench` those that the bench compares with.
# Does nothing when all are there; without root it says what to install.
set -euo pipefail

programs=(curl:curl)
if [ "${1:-}" = bench ]; then
  programs+=(nginx:nginx-light)
fi

missing=()
for entry in "${programs[@]}"; do
  # nginx lies in a directory that not every PATH has.
  PATH="$PATH:/usr/sbin:/sbin" command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "please install: ${missing[*]} (on Debian: apt-get install ${missing[*]})" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
