#!/usr/bin/env bash
# Arm64 on an x64 machine, emulated by qemu: the kernels' tests, and whether indexes and what searches find are those of this machine, byte for byte.
# Minutes, so not part of .ci/run. On an Arm64 machine `dotnet test` does more.
# ARM64_ROOT: a folder with the Arm64 libc, libgcc, libstdc++ and OpenSSL 3; taken from the Debian or Ubuntu packages of this system unless given.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v qemu-aarch64-static >/dev/null || { echo "qemu-aarch64-static is missing (Debian, Ubuntu: apt-get install qemu-user-static)" >&2; exit 2; }
work="$PWD/artifacts/arm64"
mkdir -p "$work"

root="${ARM64_ROOT:-$work/root}"
if [ ! -e "$root/lib/ld-linux-aarch64.so.1" ]; then
    # A state of apt's own beside the system's, which knows nothing of another architecture and need not.
    mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial" "$root"
    touch "$work/apt/state/status"
    apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$work/apt/state" -o "Dir::State::status=$work/apt/state/status" -o "Dir::Cache=$work/apt/cache")
    apt-get "${apt[@]}" update -q
    (cd "$work/apt" && apt-get "${apt[@]}" download libc6 libgcc-s1 libstdc++6 && { apt-get "${apt[@]}" download libssl3 || apt-get "${apt[@]}" download libssl3t64; })
    for package in "$work"/apt/*.deb; do dpkg-deb -x "$package" "$root"; done
    # Where /lib is /usr/lib, packages no longer say so themselves.
    [ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
fi

# Pages that are writable or executable by turns, and counters in quick code, cost an emulated runtime most of its time.
export DOTNET_EnableWriteXorExecute=0 DOTNET_TieredPGO=0 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
arm() { qemu-aarch64-static -L "$root" "$@"; }

dotnet publish -c Release -r linux-arm64 --self-contained -v quiet test/Vlc.Numerics.Tests -o "$work/tests"
dotnet publish -c Release -r linux-arm64 --self-contained -v quiet src/Vlc.Cli -o "$work/cli"
dotnet build -c Release -v quiet src/Vlc.Cli
dotnet build -c Release -v quiet bench/Vlc.Bench

# The level must be that of Arm64, and the filter its own; a test looks at both.
VLC_EXPECTED_LEVEL=Vector128 arm "$work/tests/Vlc.Numerics.Tests" -noLogo -noColor

here() { dotnet src/Vlc.Cli/bin/Release/net10.0/vlc.dll "$@"; }
there() { arm "$work/cli/vlc" "$@"; }
rm -rf "$work/here" "$work/there"
mkdir "$work/here" "$work/there"
dotnet bench/Vlc.Bench/bin/Release/net10.0/Vlc.Bench.dll generate --rows 1000 --dim 40 --out "$work/base.fbin" --queries "$work/queries.fbin"
for metric in l2 cosine ip; do
    for codec in packed int8 f16; do
        for side in here there; do
            "$side" index --emb "$work/base.fbin" --metric "$metric" --codec "$codec" --out "$work/$side/$metric-$codec" -q >/dev/null
            "$side" query --idx "$work/$side/$metric-$codec" --queries "$work/queries.fbin" -k 10 --out "$work/$side/$metric-$codec.ivecs" -q >/dev/null
        done
    done
done
diff -r "$work/here" "$work/there" || { echo "indexes or results differ between x64 and Arm64: $work" >&2; exit 1; }
echo "$(ls "$work/there" | wc -l) files of indexes and results are the same on x64 and Arm64"
