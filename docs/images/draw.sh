#!/bin/sh
# Draws docs/images/report.png anew: the head of the report of the demo's arbitrage.
# usage: docs/images/draw.sh out/demo_arbitrage/RUN/report.html   (needs Chromium)
set -eu
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
	--disable-background-networking --disable-component-update --disable-sync \
	--hide-scrollbars --user-data-dir="$profile" --window-size=1280,1370 \
	--virtual-time-budget=20000 --screenshot="$(dirname "$0")/report.png" \
	"file://$(realpath "$1")"
