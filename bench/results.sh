#!/usr/bin/env bash
# The README's table, from ../shared/data, through `vlc index --json` and `vlc eval --json`.
# Arguments: names of sets (words, paragraphs, mnist, sift); --targets adds packed at recall 0.90 and 0.99.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build -c Release src/Vlc.Cli --nologo -v quiet >&2
exec dotnet run --project bench/Vlc.Bench -c Release -- frontier "$@"
