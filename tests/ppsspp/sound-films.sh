#!/usr/bin/env bash
# Makes films with sound of every kind that a PSP has to play, and what ffmpeg decodes them to, in a
# folder; `checks.toml` in it tells the EBOOT `checks` to decode and play them.
# usage: sound-films.sh FOLDER REFERENCES
set -euo pipefail
films=$1 references=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$films" "$references"

# No perceptual noise substitution: its noise comes from a generator whose state depends on all that
# was decoded before, so after a seek no two decodings are alike.
aac=(-c:a aac -aac_pns 0 -movflags +faststart)

film() { # NAME RATE CHANNELS BITRATE FILTER
    ffmpeg -v error -y -f lavfi -i "$5" -ar "$2" -ac "$3" "${aac[@]}" -b:a "$4" "$films/$1.mp4"
    reference "$1"
}

reference() { # NAME
    # As they are, in one piece: no resampling, no trimming of the encoder's priming by the edit list,
    # and stereo from mono as PPSSPP makes it. The plain C code of ffmpeg, as in PPSSPP: that for
    # x86 adds in another order.
    ffmpeg -v error -y -cpuflags 0 -flags2 +skip_manual -ignore_editlist 1 -c:a aac \
        -i "$films/$1.mp4" -map 0:a -f s16le -ac 2 "$references/$1.pcm"
}

# Music as far as a decoder can tell: a sweep, chords that beat, noise in bursts, left and right
# different.
rich="aevalsrc='0.3*sin(2*PI*(100+900*t)*t)+0.2*sin(2*PI*440*t)*lt(mod(t,0.5),0.1)\
+0.3*(random(0)-0.5)*lt(mod(t+0.2,0.7),0.03)|0.3*sin(2*PI*(3000-200*t)*t)+0.25*sin(2*PI*660*t)\
+0.3*(random(1)-0.5)*lt(mod(t,0.3),0.02)':s=48000:d=8"
film rich-44100 44100 2 160k "$rich"
film rich-48000 48000 2 160k "$rich"
film mono-44100 44100 1 96k "$rich"
film mono-48000 48000 1 96k "$rich"
film rich-32000 32000 2 128k "$rich"
film rich-22050 22050 2 64k "$rich"

# A tone, to count its waves by.
for rate in 8000 11025 12000 16000 22050 24000 32000 44100 48000; do
    film "tone-$rate" "$rate" 2 48k "sine=frequency=440:sample_rate=48000:duration=4"
done

# HE-AAC, which says nothing about it where it describes itself: 44.1 kHz come out.
ffmpeg -v error -f lavfi -i "sine=frequency=440:sample_rate=48000:duration=4" -ar 22050 -ac 2 \
    -c:a aac -aac_pns 0 -b:a 48k -f adts - | node "$here/sound-sbr.js" |
    ffmpeg -v error -y -f aac -i - -c copy -movflags +faststart "$films/sbr-22050.mp4"
reference sbr-22050

# What cannot be played: surround sound, another kind of AAC, a rate that the hardware lacks.
tone="sine=frequency=440:sample_rate=48000:duration=1"
ffmpeg -v error -y -f lavfi -i "$tone" -ac 6 "${aac[@]}" "$films/surround.mp4"
ffmpeg -v error -y -f lavfi -i "$tone" "${aac[@]}" -profile:a aac_main "$films/main.mp4"
ffmpeg -v error -y -f lavfi -i "$tone" -ar 96000 "${aac[@]}" "$films/96000.mp4"

names() { # PATTERN…: as a list for TOML
    (cd "$films" && ls -1 $@ | sed 's/.*/"&",/' | tr '\n' ' ')
}
cat > "$films/checks.toml" <<END
checks = ["sound-refusals", "sound-decoder", "sound-player", "sound-orders", "sound-volume"]
sound_decode = [$(names 'rich-*' 'mono-*' 'tone-*' 'sbr-*')]
sound_play = [$(names 'rich-44100*' 'rich-48000*' 'tone-*' 'sbr-*')]
sound_orders = ["rich-44100.mp4"]
sound_volume = ["tone-44100.mp4"]
sound_refused = ["surround.mp4", "main.mp4", "96000.mp4"]
END
