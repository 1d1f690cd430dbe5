#!/bin/sh
# Makes the clips beside this file. Needs ffmpeg with libx264 and the DejaVu fonts; see README.md
# for what is where in the picture. x264 may give other bytes on another machine: what the tests
# read (blocks, flash, beep, counts) stays.
set -eu
cd "$(dirname "$0")"

font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf

# clip WIDTH HEIGHT SECONDS CRF AUDIO_RATE FONT_SIZE BLOCK PITCH BLOCK_X BLOCK_Y FLASH FLASH_X FLASH_Y
clip() {
    w=$1 h=$2 seconds=$3 crf=$4 audio=$5 size=$6 block=$7 pitch=$8 bx=$9
    shift 9
    by=$1 flash=$2 fx=$3 fy=$4

    # The still part, drawn once: a soft gradient under a grid, a ring of colour bars.
    x0=$((w / 2)) y0=$((h * 45 / 100)) r=$((h * 36 / 100)) grid=$((h / 12))
    in="lt(hypot(X-$x0\,Y-$y0)\,$r)"
    ring="lt(abs(hypot(X-$x0\,Y-$y0)-$r)\,2)"
    line="lt(mod(X+$((grid / 2))\,$grid)*mod(Y+$((grid / 2))\,$grid)\,1)"
    bar="floor(7*(X-$x0+$r)/(2*$r))"
    ffmpeg -v error -y -f lavfi -i "color=black:s=${w}x${h}:d=1:r=1,format=gbrp,geq=\
r='if($ring\,235\,if($in\,if(lt(mod($bar\,4)\,2)\,170\,40)\,if($line\,110\,30+40*Y/H)))':\
g='if($ring\,235\,if($in\,if(lt($bar\,4)\,165\,45)\,if($line\,120\,50+50*X/W)))':\
b='if($ring\,235\,if($in\,if(lt(mod($bar\,2)\,1)\,160\,50)\,if($line\,130\,90+40*(1-Y/H))))'" \
        -frames:v 1 still.png

    # References first (white, black), then the frame number, the most significant bit first.
    blocks="drawbox=x=$((bx - 8)):y=$((by - 8)):w=$((14 * pitch - pitch + block + 16)):h=$((block + 16)):color=black:t=fill"
    blocks="$blocks,drawbox=x=$bx:y=$by:w=$block:h=$block:color=white:t=fill"
    bit=11
    while [ $bit -ge 0 ]; do
        x=$((bx + (13 - bit) * pitch))
        blocks="$blocks,drawbox=x=$x:y=$by:w=$block:h=$block:color=white:t=fill:enable='gte(mod(n\,$((2 << bit)))\,$((1 << bit)))'"
        bit=$((bit - 1))
    done

    code="%{eif\\:floor(n/1800)\\:d\\:2}\\:%{eif\\:mod(floor(n/30)\,60)\\:d\\:2}\\:%{eif\\:mod(n\,30)\\:d\\:2}"
    ball=$((h / 10))
    ffmpeg -v error -y -framerate 30 -loop 1 -i still.png \
        -f lavfi -i "color=white:s=${ball}x${ball}:r=30,format=gbrap,geq=r=250:g=235:b=190:a='255*clip($((ball / 2))-hypot(X-$((ball / 2))\,Y-$((ball / 2)))\,0\,1)'" \
        -filter_complex "[0:v]format=gbrp[s];[s][1:v]overlay=format=gbrp:shortest=0:\
x='(W-w)/2+$((w * 42 / 100))*sin(2*PI*n/240)':y='$y0-h/2+$((h * 30 / 100))*sin(2*PI*n/120)',format=rgb24,\
$blocks,drawbox=x=$((fx - 4)):y=$((fy - 4)):w=$((flash + 8)):h=$((flash + 8)):color=black:t=fill,\
drawbox=x=$fx:y=$fy:w=$flash:h=$flash:color=white:t=fill:enable='lt(mod(n\,30)\,3)',\
drawtext=fontfile=$font:fontsize=$size:fontcolor=white:box=1:boxcolor=black:boxborderw=12:\
x=(w-text_w)/2:y=$y0-text_h/2:text='$code',\
scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p,setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m:range=tv[v]" \
        -map '[v]' -frames:v $((seconds * 30)) \
        -c:v libx264 -profile:v main -preset veryslow -tune animation -crf "$crf" -bf 2 -refs 3 -threads 1 \
        -x264-params keyint=120:min-keyint=120:scenecut=0:b-pyramid=normal:b-adapt=0:open-gop=0 \
        -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m -color_range tv \
        -flags:v +bitexact video.mp4

    # One AAC frame of priming, then whole seconds: 120 s are 5625 frames, 24 s are 1125. The beep is
    # asked for past the end, so that the last frame overlaps with a beep's start as those of other
    # seconds do: frame 1 can follow the last one without a seam.
    ffmpeg -v error -y \
        -f lavfi -i "aevalsrc='0.4*sin(2*PI*1000*t)*lt(mod(n\,48000)\,4800)':s=48000:c=mono:d=$((seconds + 1)),aformat=channel_layouts=stereo" \
        -frames:a $((seconds * 48000 / 1024 + 1)) \
        -c:a aac -profile:a aac_low -b:a "$audio" -ac 2 -ar 48000 -flags:a +bitexact sound.m4a

    ffmpeg -v error -y -i video.mp4 -i sound.m4a -map 0:v -map 1:a -c copy \
        -map_metadata -1 -fflags +bitexact -movflags +faststart "testcard-${w}x${h}.mp4"
    rm still.png video.mp4 sound.m4a
}

clip 640 480 120 23 48k 64 32 40 44 424 96 520 24
clip 480 272 24 24 48k 40 24 30 33 240 56 412 12
