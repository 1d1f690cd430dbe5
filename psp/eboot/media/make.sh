#!/bin/sh
# Makes the films that src/checks/picture.rs decodes besides the project's clips: a second of a grey
# picture, smaller than the screen, with a coloured square in each corner.
set -eu
cd "$(dirname "$0")"
corners() { # NAME WIDTH HEIGHT OPTIONS
  name=$1 w=$2 h=$3
  shift 3
  box="w=32:h=32:t=fill"
  ffmpeg -v error -y -f lavfi -i "color=c=gray:size=${w}x$h:rate=12:duration=1" -vf "
    drawbox=x=0:y=0:c=red:$box, drawbox=x=$((w - 32)):y=0:c=lime:$box,
    drawbox=x=0:y=$((h - 32)):c=blue:$box, drawbox=x=$((w - 32)):y=$((h - 32)):c=white:$box" \
    -c:v libx264 -threads 1 -pix_fmt yuv420p "$@" -map_metadata -1 -fflags +bitexact -flags:v +bitexact \
    -f mp4 "$name.mp4"
}
corners corners-main 320 240 -profile:v main -bf 2
corners corners-baseline 426 240 -profile:v baseline
corners corners-wide 480 204 -profile:v main -bf 2
