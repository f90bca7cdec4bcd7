#!/usr/bin/env bash
# The table of docs/aot.md: an application with the packages of this tree, just in time and published with Native AOT in four ways.
# Ratios are to just in time. Argument: rounds (3); the slow baseline runs in the first one alone.
# Needs clang, zlib and the network for the compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
repository="$PWD" rounds="${1:-3}" work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/app"
cp bench/aot/Program.cs "$work/app/"
cat > "$work/app/app.csproj" <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <InvariantGlobalization>true</InvariantGlobalization>
    <TieredPGO>false</TieredPGO>
    <TieredCompilationQuickJitForLoops>false</TieredCompilationQuickJitForLoops>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Vlc.Core" Version="*" />
  </ItemGroup>
</Project>
PROJECT
# Packages go to a folder of this run: the user's must not keep a package of a tree under test.
cat > "$work/app/nuget.config" <<CONFIG
<configuration>
  <config><add key="globalPackagesFolder" value="$work/packages" /></config>
  <packageSources><add key="built" value="$work/feed" /></packageSources>
</configuration>
CONFIG
for project in Vlc.Numerics Vlc.Core; do
    dotnet pack -c Release "$repository/src/$project" -o "$work/feed" -v quiet >&2
done

cd "$work/app"
dotnet publish -c Release -o "$work/jit" -v quiet >&2
publish() { dotnet publish -c Release -p:PublishAot=true -o "$work/$1" -v quiet "${@:2}" >&2; }
publish x86-64 -p:IlcInstructionSet=x86-64
publish chosen
publish x86-64-v4 -p:IlcInstructionSet=x86-64-v4
publish native -p:IlcInstructionSet=native

for ((round = 1; round <= rounds; round++)); do
    for variant in jit x86-64 chosen x86-64-v4 native; do
        [ "$variant" = x86-64 ] && [ "$round" -gt 1 ] && continue
        printf '%s\t' "$variant"
        # A binary for more than this processor has does not start, which is its row of the table.
        "$work/$variant/app" 2>/dev/null || echo "does not start"
    done
done | tee /dev/stderr | awk -F '\t' '
    function least(key, value) { if (!(key in best) || value < best[key]) best[key] = value }
    !($1 in level) { order[++variants] = $1; level[$1] = $2 }
    NF == 6 { for (i = 3; i <= 5; i++) least($1 "," i, $i + 0); digest[$1] = $6 }
    END {
        print "| | kernels | build | search | exhaustive search | index bytes |\n|---|---|---|---|---|---|"
        for (v = 1; v <= variants; v++) {
            name = order[v]
            printf "| %s | %s |", name, level[name]
            if (name in digest) for (i = 3; i <= 5; i++) printf " %.1f |", best[name "," i] / best["jit," i]; else printf " - | - | - |"
            print " " (digest[name] == digest["jit"] ? "equal" : name in digest ? "DIFFERENT" : "-") " |"
            if (name in digest && digest[name] != digest["jit"]) failed = 1
        }
        printf "\nJust in time: build %.2f s, search %.1f µs, exhaustive search %.1f µs.\n", best["jit,3"], best["jit,4"], best["jit,5"]
        exit failed
    }'
