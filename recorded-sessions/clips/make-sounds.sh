#!/bin/sh
# Makes the sounds beside this file: twelve seconds, of which second n is a tone of 300 + 50 n Hz, so
# that whoever hears one knows where in the twelve seconds it is. Each is made so that it can follow
# itself without a seam in what matters: whole frames, whole pages, whole fragments. Needs ffmpeg with
# libmp3lame and libvorbis.
set -eu
cd "$(dirname "$0")"

tone() {
    rate=$1 seconds=$2
    shift 2
    ffmpeg -v error -y -f lavfi \
        -i "aevalsrc='0.4*sin(2*PI*(300+50*floor(mod(t\,12)))*t)':s=$rate:c=mono:d=$seconds" \
        -map_metadata -1 -flags +bitexact -fflags +bitexact "$@"
}

# Frames of 24 ms and 120 bytes that borrow no bits from one another: 500 of them, from a second
# round, which begins as it ends.
tone 48000 26 -c:a libmp3lame -b:a 40k -reservoir 0 -write_xing 0 -id3v2_version 0 whole.mp3
dd if=whole.mp3 of=radio.mp3 bs=120 skip=500 count=500 2>/dev/null

# Pages of a second or so, on each of which packets end.
tone 22050 12 -c:a libvorbis -q:a -1 radio.ogg

# 120 frames of 1600 samples.
tone 16000 12 -sample_fmt s16 -c:a flac -compression_level 8 -frame_size 1600 radio.flac

# 375 frames of AAC, in fragments of a second or so.
tone 32000 14 -frames:a 375 -c:a aac -b:a 24k -frag_duration 1000000 \
    -movflags empty_moov+default_base_moof+skip_trailer radio.mp4

rm -f whole.mp3
