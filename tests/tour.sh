#!/usr/bin/env bash
# Runs the README's tour with the binary given, in a home of its own.
set -euo pipefail
binary=$1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
chmod 700 "$home"
ARBION_HOME=$home "$binary" demo --script "$(dirname "$0")/tour.arb"
