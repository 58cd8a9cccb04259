#!/usr/bin/env bash
# Makes a small music library with everything awkward that real ones hold: every format that can
# be made here, every alphabet, missing and broken tags, wrong names, cut-off files, sidecars.
# The same bytes every time; about 80 tracks of one second; a few seconds of work.
#
#   tests/make-library.sh DIR      DIR must not exist, or be empty
set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: make-library.sh DIR}

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need ffmpeg ffmpeg
need flac flac
need metaflac flac
need lame lame
need opusenc opus-tools
need oggenc vorbis-tools
need wavpack wavpack
need mpcenc musepack-tools
need python3 python3
if ((${#missing[@]})); then
  echo "make-library: tools are missing; on Debian: apt-get install ${missing[*]}" >&2
  exit 1
fi

mkdir -p "$dir"
if [ -n "$(ls -A "$dir")" ]; then
  echo "make-library: $dir is not empty" >&2
  exit 1
fi
cd "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- Makers. Each takes a file, a number that makes the sound its own, and tags as NAME=VALUE.

quiet_ffmpeg() { ffmpeg -nostdin -v error -y "$@"; }

# tone NUMBER [SAMPLE_FORMAT RATE]: prints the name of a WAV of one second of that sound.
tone() {
  local wav="$work/$1-${2:-s16}-${3:-44100}.wav"
  [ -e "$wav" ] || quiet_ffmpeg -f lavfi \
    -i "sine=frequency=$((200 + $1 * 17)):sample_rate=${3:-44100}:duration=1" \
    -ac 2 -c:a "pcm_${2:-s16}le" -bitexact "$wav"
  echo "$wav"
}

# coded FILE NUMBER "FFMPEG OPTIONS" TAG…
coded() {
  local file=$1 number=$2 options=$3 tags=() tag
  shift 3
  for tag; do tags+=(-metadata "$tag"); done
  # shellcheck disable=SC2086
  quiet_ffmpeg -i "$(tone "$number")" -fflags +bitexact -flags:a +bitexact -map_metadata -1 \
    ${tags[@]+"${tags[@]}"} $options "$file"
}

flac_() {
  local file=$1 number=$2 tags=() tag
  shift 2
  for tag; do tags+=(-T "$tag"); done
  flac --silent --force --no-padding ${tags[@]+"${tags[@]}"} -o "$file" "$(tone "$number")"
}

opus_() {
  local file=$1 number=$2 tags=() tag
  shift 2
  for tag; do tags+=(--comment "$tag"); done
  opusenc --quiet --serial "$number" ${tags[@]+"${tags[@]}"} "$(tone "$number" s16 48000)" "$file"
}

vorbis_() {
  local file=$1 number=$2 tags=() tag
  shift 2
  for tag; do tags+=(-c "$tag"); done
  oggenc -Q --serial "$number" ${tags[@]+"${tags[@]}"} -o "$file" "$(tone "$number")"
}

bare_mp3() { lame --quiet -b 64 "$(tone "$2")" "$1"; }
mp3_23() { coded "$1" "$2" "-c:a libmp3lame -b:a 64k -id3v2_version 3" "${@:3}"; }
mp3_24() { coded "$1" "$2" "-c:a libmp3lame -b:a 64k -id3v2_version 4" "${@:3}"; }
m4a_() { coded "$1" "$2" "-c:a aac -b:a 64k -f ipod" "${@:3}"; }
alac_() { coded "$1" "$2" "-c:a alac -f ipod" "${@:3}"; }

# tagged KIND FILE NAME=VALUE…: puts a tag by hand that the encoders cannot write.
tagged() { python3 "$here/odd_tags.py" "$@"; }

cover() {
  quiet_ffmpeg -f lavfi -i "color=c=$2:size=64x64" -frames:v 1 -bitexact "$1"
}

# --- The library.

accents() {
  local d='Ásgeir Trausti/Dýrð í dauðaþögn'
  mkdir -p "$d"
  local n=0 title
  for title in 'Hærra' 'Dýrð í dauðaþögn' 'Nýfallið regn' 'Að grafa sig í fönn'; do
    n=$((n + 1))
    flac_ "$d/0$n $title.flac" $((10 + n)) "TITLE=$title" 'ARTIST=Ásgeir Trausti' \
      'ALBUM=Dýrð í dauðaþögn' 'ALBUMARTIST=Ásgeir Trausti' 'DATE=2012-09-11' 'GENRE=Folk' \
      "TRACKNUMBER=0$n" 'TRACKTOTAL=04' 'LABEL=Sena' 'CATALOGNUMBER=SCD 561' \
      'MUSICBRAINZ_ALBUMID=0e5f8c1b-0000-4000-8000-000000000001' \
      'REPLAYGAIN_ALBUM_GAIN=-6.54 dB' 'REPLAYGAIN_ALBUM_PEAK=0.988547'
  done
  cover "$d/cover.jpg" blue
  printf 'booklet\n' >"$d/booklet.txt"
}

cjk() {
  local d='宇多田ヒカル/First Love'
  mkdir -p "$d"
  local n=0 title
  for title in 'Automatic' 'Movin’ on without you' 'First Love'; do
    n=$((n + 1))
    mp3_24 "$d/$n.$title.mp3" $((20 + n)) "title=$title" 'artist=宇多田ヒカル' \
      'album=First Love' 'album_artist=宇多田ヒカル' 'date=1999-03-10' 'genre=J-Pop' "track=$n/3"
    printf '[00:00.00]最後のキスは\n' >"$d/$n.$title.lrc"
  done
}

right_to_left() {
  local d='فيروز/كيفك إنت'
  mkdir -p "$d"
  local n=0 title
  for title in 'كيفك إنت' 'عودك رنان' 'ضاق خلقي'; do
    n=$((n + 1))
    opus_ "$d/$n - $title.opus" $((30 + n)) "TITLE=$title" 'ARTIST=فيروز' 'ALBUM=كيفك إنت' \
      'ALBUMARTIST=فيروز' 'COMPOSER=زياد الرحباني' 'DATE=1991' "TRACKNUMBER=$n" \
      'R128_TRACK_GAIN=-512'
  done
}

emoji() {
  local d='🎷🐙/Under the 🌊'
  mkdir -p "$d"
  m4a_ "$d/01 👩‍🚀.m4a" 41 'title=👩‍🚀' 'artist=🎷🐙' 'album=Under the 🌊' 'track=1/2' 'date=2020'
  alac_ "$d/02 🪩.m4a" 42 'title=🪩' 'artist=🎷🐙' 'album=Under the 🌊' 'track=2/2' 'date=2020'
}

compilation() {
  local d='Compilations/Now 1'
  mkdir -p "$d"
  local n=0 artist
  for artist in 'AC/DC' 'Simon & Garfunkel' '"Weird Al" Yankovic' 'What?: The *Band*'; do
    n=$((n + 1))
    mp3_23 "$d/0$n.mp3" $((50 + n)) "title=Song $n" "artist=$artist" 'album=Now 1' \
      'compilation=1' "track=$n/4" 'date=1984' 'genre=Pop'
  done
  printf '#EXTM3U\n01.mp3\n02.mp3\n03.mp3\n04.mp3\n' >"$d/Now 1.m3u"
}

several_discs() {
  local disc n
  for disc in 1 2; do
    local d="Pink Floyd/The Wall/CD$disc"
    mkdir -p "$d"
    for n in 1 2; do
      flac_ "$d/$n.flac" $((60 + 4 * disc + n)) "TITLE=Part $disc.$n" 'ARTIST=Pink Floyd' \
        'ALBUM=The Wall' 'ALBUMARTIST=Pink Floyd' 'DATE=1979-11-30' "TRACKNUMBER=$n/2" \
        "DISCNUMBER=$disc/2" 'GENRE=Progressive Rock'
    done
  done
  cover 'Pink Floyd/The Wall/folder.jpg' white
}

vinyl() {
  local d='Kraftwerk/Autobahn'
  mkdir -p "$d"
  local side
  for side in A1 B1 B2; do
    vorbis_ "$d/$side.ogg" $((70 + 16#$side - 160)) "TITLE=Side $side" 'ARTIST=Kraftwerk' \
      'ALBUM=Autobahn' "TRACKNUMBER=$side" 'DATE=1974'
  done
}

several_values() {
  local d='Several values'
  mkdir -p "$d"
  local two=('TITLE=Duet' 'ARTIST=First Singer' 'ARTIST=Second Singer' 'ALBUM=Duets' \
    'GENRE=Jazz' 'GENRE=Soul' 'COMPOSER=Ann' 'COMPOSER=Bob')
  flac_ "$d/duet.flac" 81 "${two[@]}"
  opus_ "$d/duet.opus" 82 "${two[@]}"
  vorbis_ "$d/duet.ogg" 83 "${two[@]}"
  bare_mp3 "$d/duet.mp3" 84
  tagged id3v24 "$d/duet.mp3" TIT2=Duet 'TPE1=First Singer\0Second Singer' TALB=Duets \
    'TCON=Jazz\0Soul' 'TCOM=Ann\0Bob' 'TXXX=ARTISTS\0First Singer\0Second Singer'
}

# The same song in every format and kind of tag, for a table of what each of them can say.
formats() {
  local d=Formats
  mkdir -p "$d"
  local tags=('title=Same Song' 'artist=The Band' 'album=Formats' 'album_artist=The Band' \
    'date=2001-02-03' 'genre=Rock' 'track=7/12' 'disc=1/2' 'composer=Ann' 'comment=A remark')
  local vorbis=('TITLE=Same Song' 'ARTIST=The Band' 'ALBUM=Formats' 'ALBUMARTIST=The Band' \
    'DATE=2001-02-03' 'GENRE=Rock' 'TRACKNUMBER=7' 'TRACKTOTAL=12' 'DISCNUMBER=1' \
    'DISCTOTAL=2' 'COMPOSER=Ann' 'COMMENT=A remark')
  flac_ "$d/flac.flac" 100 "${vorbis[@]}"
  vorbis_ "$d/vorbis.ogg" 101 "${vorbis[@]}"
  opus_ "$d/opus.opus" 102 "${vorbis[@]}"
  coded "$d/oggflac.oga" 103 '-c:a flac -f ogg' "${tags[@]}" TRACKTOTAL=12
  coded "$d/speex.spx" 104 '-c:a libspeex -ar 16000 -ac 1 -f ogg' "${tags[@]}"
  m4a_ "$d/aac.m4a" 105 "${tags[@]}"
  alac_ "$d/alac.m4a" 106 "${tags[@]}"
  m4a_ "$d/book.m4b" 107 "${tags[@]}"
  coded "$d/faststart.m4a" 108 '-c:a aac -b:a 64k -f ipod -movflags +faststart' "${tags[@]}"
  coded "$d/adts.aac" 109 '-c:a aac -b:a 64k -f adts -write_id3v2 1' "${tags[@]}"
  coded "$d/info.wav" 110 '-c:a pcm_s16le' "${tags[@]}"
  cp "$(tone 111)" "$d/id3.wav"
  tagged wavid3 "$d/id3.wav" 'TIT2=Same Song' 'TPE1=The Band' TALB=Formats 'TPE2=The Band' \
    TDRC=2001-02-03 TCON=Rock TRCK=7/12 TPOS=1/2 TCOM=Ann 'COMM=A remark'
  coded "$d/aiff.aiff" 112 '-c:a pcm_s16be -write_id3v2 1' "${tags[@]}"
  wavpack -q -w 'Title=Same Song' -w 'Artist=The Band' -w 'Album=Formats' \
    -w 'Album Artist=The Band' -w 'Year=2001-02-03' -w 'Genre=Rock' -w 'Track=7/12' \
    -w 'Disc=1/2' -w 'Composer=Ann' -w 'Comment=A remark' "$(tone 113)" -o "$d/wavpack.wv"
  mpcenc --silent --overwrite --title 'Same Song' --artist 'The Band' --album Formats \
    --year 2001-02-03 --genre Rock --track 7/12 --tag 'Album Artist=The Band' --tag 'Disc=1/2' \
    --tag Composer=Ann --comment 'A remark' "$(tone 114)" "$d/musepack.mpc" 2>/dev/null
  mp3_23 "$d/id3v23.mp3" 115 "${tags[@]}"
  mp3_24 "$d/id3v24.mp3" 116 "${tags[@]}"
  bare_mp3 "$d/id3v22.mp3" 117
  tagged id3v22 "$d/id3v22.mp3" 'TT2=Same Song' 'TP1=The Band' TAL=Formats 'TP2=The Band' \
    TYE=2001 'TCO=(17)' TRK=7/12 TPA=1/2 TCM=Ann 'COM=A remark'
  bare_mp3 "$d/id3v1.mp3" 118
  tagged id3v1 "$d/id3v1.mp3" 'title=Same Song' 'artist=The Band' album=Formats year=2001 \
    genre=17 track=7 'comment=A remark'
  bare_mp3 "$d/apev2.mp3" 119
  tagged apev2 "$d/apev2.mp3" 'Title=Same Song' 'Artist=The Band' Album=Formats \
    'Album Artist=The Band' Year=2001-02-03 Genre=Rock Track=7/12 Disc=1/2 Composer=Ann \
    'Comment=A remark'
  bare_mp3 "$d/three tags.mp3" 120
  tagged id3v1 "$d/three tags.mp3" 'title=Same So' 'artist=The Ba' genre=17 year=1999
  tagged apev2 "$d/three tags.mp3" 'Title=Ape Song' Album=Formats 'Artist=Ape Band'
  tagged id3v24 "$d/three tags.mp3" 'TIT2=Same Song'
  flac --silent --force -o "$d/hires.flac" "$(tone 121 s24 96000)" -T 'TITLE=High'
}

no_tags() {
  mkdir -p 'No tags/deeper'
  flac_ 'No tags/untitled.flac' 130
  bare_mp3 'No tags/Track 01.mp3' 131
  opus_ 'No tags/deeper/x.opus' 132
  m4a_ 'No tags/deeper/x.m4a' 133
  flac_ 'No tags/only title.flac' 134 'TITLE=Only a title'
  flac_ 'No tags/blank.flac' 135 'TITLE=   ' 'ARTIST='
}

wrong_names() {
  local d='Wrong names'
  mkdir -p "$d"
  bare_mp3 "$work/x.mp3" 140
  cp "$work/x.mp3" "$d/really mp3.flac"
  flac_ "$work/x.flac" 141 'TITLE=Really FLAC'
  cp "$work/x.flac" "$d/really flac.mp3"
  cp "$(tone 142)" "$d/really wav.ogg"
  opus_ "$d/really opus.ogg" 143 'TITLE=Opus may be called ogg'
  flac_ "$d/"$'\xff\xfe'" latin1 "$'\xe9.flac' 144 'TITLE=Name is not UTF-8'
  flac_ "$d/two  blanks .flac" 145 'TITLE=Blanks'
  flac_ "$d/UPPER.FLAC" 146 'TITLE=Upper'
  flac_ "$d/"$'new\nline.flac' 147 'TITLE=New line'
  flac_ "$d/CON.flac" 148 'TITLE=CON' 'ARTIST=..' 'ALBUM=/'
}

broken() {
  local d=Broken kind
  mkdir -p "$d"
  for kind in flac.flac id3v24.mp3 aac.m4a faststart.m4a info.wav aiff.aiff opus.opus vorbis.ogg wavpack.wv; do
    head -c $(($(stat -c %s "Formats/$kind") * 2 / 3)) "Formats/$kind" >"$d/cut $kind"
  done
  : >"$d/empty.mp3"
  printf 'This is not music, whatever its name.\n' >"$d/text.mp3"
  printf '<!DOCTYPE html><html><body>404</body></html>\n' >"$d/page.flac"
  head -c 50000 /dev/zero >"$d/zeros.mp3"
  printf 'ID3\x04\x00\x00\x7f\x7f\x7f\x7f' >"$d/huge claim.mp3"
  printf 'fLaC\x84\xff\xff\xff' >"$d/huge claim.flac"
}

sidecars() {
  mkdir -p 'One file album'
  flac_ 'One file album/album.flac' 150 'ALBUM=One file' 'ARTIST=Sheet'
  cat >'One file album/album.cue' <<'CUE'
PERFORMER "Sheet"
TITLE "One file"
FILE "album.flac" WAVE
  TRACK 01 AUDIO
    TITLE "First"
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "Second"
    INDEX 01 00:00:37
CUE
  printf '\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ' >'One file album/._album.flac'
  printf '#EXTM3U\nFormats/flac.flac\nNo tags/Track 01.mp3\n' >'Everything.m3u8'
}

# together MAKER…: runs them side by side; fails where one of them does.
together() {
  local jobs=() maker
  for maker; do
    "$maker" &
    jobs+=($!)
  done
  for maker in "${jobs[@]}"; do wait "$maker"; done
}

together accents cjk right_to_left emoji
together compilation several_discs vinyl several_values
together formats no_tags wrong_names sidecars
broken
find . -exec touch -h -d @1600000000 {} +
