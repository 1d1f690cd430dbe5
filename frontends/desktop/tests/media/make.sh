#!/bin/sh
# Makes the media that the tests of this crate decode. Needs ffmpeg with libx264; the results are in
# git, as other versions of x264 give other bytes.
set -eu
cd "$(dirname "$0")"
trap 'rm -f steps.mp4' EXIT

# 25 pictures of 64x48, the n-th with a luma of 32 + 7 n all over: a decoded picture says which it
# is. Main profile, two B pictures between references, an IDR picture every 12, BT.709 limited range,
# access units delimited.
ffmpeg -v error -y -f lavfi \
    -i "color=black:size=64x48:rate=25:duration=1,format=yuv420p,geq=lum='32+7*N':cb=128:cr=128" \
    -c:v libx264 -profile:v main -preset slow -qp 12 \
    -x264-params bframes=2:b-adapt=0:b-pyramid=none:keyint=12:min-keyint=12:scenecut=0:weightp=0 \
    -color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709 steps.mp4
ffmpeg -v error -y -i steps.mp4 -c copy \
    -bsf:v h264_mp4toannexb,h264_metadata=aud=insert,filter_units=remove_types=6 steps.h264

# Which picture each access unit is, in decode order.
ffprobe -v error -show_entries packet=pts_time -of csv=p=0 steps.mp4 |
    awk '{ printf "%d\n", $1 * 25 + 0.5 }' > steps.order

# One second of AAC-LC at 44,100 Hz in ADTS: 441 Hz on the left at half of full scale, nothing on
# the right.
ffmpeg -v error -y -f lavfi -i "aevalsrc=0.5*sin(2*PI*441*t)|0:s=44100:d=1" -c:a aac -b:a 48k tone.aac

# The left side of it alone, a fifth of a second.
ffmpeg -v error -y -f lavfi -i "aevalsrc=0.5*sin(2*PI*441*t):s=44100:d=0.2" -c:a aac -b:a 48k mono.aac

# Six seconds of picture and sound in fragments of a second, whose samples are where the file says and
# not where the fragment does (ISO/IEC 14496-12 §8.8.7, base-data-offset-present).
ffmpeg -v error -y -f lavfi -i "color=gray:s=64x48:r=25:d=6,format=yuv420p" \
    -f lavfi -i "sine=frequency=441:sample_rate=44100:d=6" \
    -c:v libx264 -profile:v main -bf 2 -g 25 -threads 1 -c:a aac -b:a 32k -ac 1 \
    -map_metadata -1 -flags +bitexact -fflags +bitexact \
    -movflags empty_moov+frag_keyframe fragments.mp4
