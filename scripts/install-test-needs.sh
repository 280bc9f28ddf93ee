#!/usr/bin/env bash
# Installs what the tests need besides Rust, through apt, and says so. Does nothing when nothing is missing.
set -euo pipefail

command -v cargo >/dev/null || { echo "Rust is needed and not there: see CONTRIBUTING.md" >&2; exit 1; }
missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v curl >/dev/null || missing+=(curl)
command -v cc >/dev/null || missing+=(build-essential)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "the tests need these, and there is no apt to install them: ${missing[*]}" >&2
    exit 1
fi
echo "the tests need, and apt installs: ${missing[*]}"
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "run this as root, or install them yourself: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
# PostgreSQL is only ever started by the tests themselves, as a cluster of their own.
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
