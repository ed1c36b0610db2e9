"""Every format that is read comes back as itself, as long as it was, and with nothing in it but sound."""

import io
import os
import struct
import sys
import time
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from originals import FLACS, LOSSY, MOVED, WAVS, Original, available, chunk, voice, wav
from round_trip import through

from redact.audio import wav as riff
from redact.audio.decode import DecodeLimits, decode
from redact.audio.sniff import UnfitError, sniff
from redact.audio.wholeness import check_structure
from redact.errors import InputRejected

CANARY = b"Jane Canary 4929 1234"
SECONDS = 1.2
# Samples that the result may be longer or shorter by: a frame of the codec. Others keep their length to the sample.
FRAMES = {"vorbis": 2048, "aac": 1024, "amr_nb": 160, "gsm_ms": 320}
SMALL = Original("pcm_s16le", "wav", 8000, 2)


def by_name(originals):
    return pytest.mark.parametrize("original", available(originals), ids=str)


def run(original, tmp_path, data=None):
    path = tmp_path / "call"
    path.write_bytes(original.make(SECONDS) if data is None else data)
    return through(path)


@by_name((*WAVS, *FLACS, *LOSSY))
def test_a_format_comes_back_as_itself(original, tmp_path):
    done = run(original, tmp_path)
    facts = (original.container, original.codec, original.rate, original.channels)
    for recording in (done.recording, done.again):
        assert (recording.container, recording.codec, recording.sample_rate, recording.channels) == facts
    assert done.encoded.note is None
    assert done.again.sample_format == done.recording.sample_format
    assert abs(done.again.samples - done.recording.samples) <= FRAMES.get(original.codec, 0)
    if original in LOSSY:
        if done.recording.bit_rate and original.codec != "gsm_ms":
            assert 0.6 < done.again.bit_rate / done.recording.bit_rate < 1.6
    else:
        assert done.recording.samples == int(original.rate * SECONDS)
        assert np.array_equal(done.heard[done.outside], done.pcm[done.outside])
        assert not np.array_equal(done.heard, done.pcm)


@by_name(MOVED)
def test_what_can_not_stay_is_moved_and_says_so(original, tmp_path):
    done = run(original, tmp_path)
    assert done.encoded.note
    becomes = {"opus": "ogg", "aac": "mov", "mp3": "mp3", "flac": "flac", "amr_nb": "amr"}.get(original.codec, "wav")
    assert (done.again.container, done.again.container) == (becomes, done.encoded.container)
    assert ("WAV" in done.encoded.note) == (becomes == "wav")
    assert 0 <= done.again.samples - done.recording.samples <= FRAMES.get(original.codec, 0)


def many(codec, channels):
    """Recordings of many channels, and whether they come back as themselves."""
    options = {"mapping_family": "255"}
    rate = 48000 if codec == "opus" else 16000
    return {
        "opus": Original("opus", "ogg", rate, channels, "libopus", "", "flt", 32_000 * channels, options),
        "vorbis": Original("vorbis", "ogg", rate, channels),
        "aac": Original("aac", "mov", rate, channels, "aac", muxer="ipod", feed="fltp", bit_rate=32_000 * channels),
        "flac": Original("flac", "flac", rate, channels, "flac", feed="s16"),
    }[codec]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("codec", ["opus", "flac", "vorbis", "aac"])
def test_up_to_eight_channels(codec, channels, tmp_path):
    done = run(many(codec, channels), tmp_path)
    assert done.recording.channels == done.again.channels == channels
    stays = codec in ("opus", "flac")
    assert done.again.codec == (codec if stays else "pcm_s16le")
    assert (done.encoded.note is None) == stays
    for channel in range(channels):  # each is still where it was
        heard = done.heard[:, : done.recording.samples].astype(float)
        pcm = np.where(done.outside[channel], done.pcm[channel], 0).astype(float)
        alike = [abs(np.corrcoef(pcm, np.where(done.outside[channel], each, 0))[0, 1]) for each in heard]
        if not (codec == "aac" and channels >= 6):  # one is a subwoofer's, with little left of a voice
            assert int(np.argmax(alike)) == channel
    if codec == "opus":  # the decoder keeps the encoder's order
        made = voice(48000, channels, SECONDS)
        for channel in range(channels):
            alike = [abs(np.corrcoef(made[channel], each[: made.shape[1]])[0, 1]) for each in done.pcm]
            assert int(np.argmax(alike)) == channel


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw"])
def test_nine_channels_are_refused_with_their_number(codec, tmp_path):
    (tmp_path / "call").write_bytes(wav(Original(codec, "wav", 8000, 9), voice(8000, 9, 0.3)))
    with pytest.raises(InputRejected, match="9 channels, more than the limit of 8"):
        decode(tmp_path / "call")


# Baggage: whatever holds the canary has to stay behind.


def listed(kind, *entries):
    return chunk(b"LIST", kind + b"".join(chunk(name, body) for name, body in entries))


WAV_CHUNKS = {
    "bext": chunk(b"bext", CANARY.ljust(256, b"\0") + bytes(346)),
    "cart": chunk(b"cart", b"0101" + CANARY.ljust(64, b"\0") + bytes(1980)),
    "INFO": listed(b"INFO", (b"INAM", CANARY + b"\0"), (b"ICMT", CANARY + b"\0")),
    "iXML": chunk(b"iXML", b"<BWFXML><NOTE>" + CANARY + b"</NOTE></BWFXML>"),
    "axml": chunk(b"axml", b"<x>" + CANARY + b"</x>"),
    "cue": chunk(b"cue ", struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 100, b"data", 0, 0, 100))
    + listed(b"adtl", (b"labl", struct.pack("<I", 1) + CANARY + b"\0")),
    "id3": chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\x20TIT2" + bytes(6) + CANARY),
    "junk": chunk(b"JUNK", CANARY * 20),
    "private": chunk(b"NICE", CANARY * 3),
}


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_mulaw", "pcm_s24le"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_no_chunk_of_a_wav_is_carried_over(where, codec, tmp_path):
    sound = voice(8000, 1, SECONDS)[:, :-1]  # of G.711 an odd number of bytes
    data = wav(Original(codec, "wav", 8000), sound, **{where: b"".join(WAV_CHUNKS.values())})
    assert data.count(CANARY) >= len(WAV_CHUNKS)
    done = run(SMALL, tmp_path, data)
    assert done.again.samples == sound.shape[1]
    assert CANARY not in done.data
    assert np.array_equal(done.heard[done.outside], done.pcm[done.outside])


@pytest.mark.parametrize("rubbish", [CANARY, b"\0" + CANARY * 9, CANARY[:7]])
def test_bytes_behind_the_samples_are_not_carried_over(rubbish, tmp_path):
    data = wav(SMALL, voice(8000, 2, SECONDS), after=rubbish)
    assert CANARY[:7] not in run(SMALL, tmp_path, data).data


def id3v2(*frames):
    body = b"".join(name + struct.pack(">IH", len(content), 0) + content for name, content in frames)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + body


ID3V2 = id3v2(
    (b"TIT2", b"\0" + CANARY),
    (b"COMM", b"\0eng\0" + CANARY),
    (b"APIC", b"\0image/png\0\x03\0\x89PNG\r\n\x1a\n" + CANARY),
    (b"CHAP", b"one\0" + struct.pack(">4I", 0, 500, 0xFFFFFFFF, 0xFFFFFFFF)),
    (b"PRIV", CANARY + b"\0x"),
    (b"GEOB", b"\0text/plain\0" + CANARY + b"\0\0" + CANARY),
)
ID3V1 = b"TAG" + CANARY.ljust(30, b"\0") + bytes(94) + b"\xff"


def ape():
    item = struct.pack("<II", len(CANARY), 0) + b"Title\0" + CANARY
    fields = struct.pack("<IIII8x", 2000, len(item) + 32, 1, 0)
    return item + b"APETAGEX" + fields


def with_video_and_second_sound(muxer, codec):
    """Sound in the first stream, and the canary in all others: as samples, as pixels, as tags, as chapters."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=muxer) as out:
        out.metadata["title"] = CANARY.decode()
        first, second = out.add_stream(codec, rate=16000), out.add_stream("pcm_s16le", rate=16000)
        video = out.add_stream("rawvideo" if muxer == "matroska" else "mpeg4", rate=5)
        first.layout = second.layout = "mono"
        second.metadata["title"] = CANARY.decode()
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sound = voice(16000, 1, SECONDS).astype(np.float32)
        for at in range(0, sound.shape[1], 1024):
            block = np.ascontiguousarray(sound[:, at : at + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, at, Fraction(1, 16000)
            out.mux(first.encode(frame))
            said = np.frombuffer((CANARY * 200)[: 2 * block.shape[1]], "<i2")[None].copy()
            frame = av.AudioFrame.from_ndarray(said, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, at, Fraction(1, 16000)
            out.mux(second.encode(frame))
        for number in range(6):
            picture = av.VideoFrame(32, 32, "yuv420p")
            for plane in picture.planes:
                plane.update((CANARY * 100)[: plane.buffer_size])
            picture.pts, picture.time_base = number, Fraction(1, 5)
            out.mux(video.encode(picture))
        for stream in (first, second, video):
            out.mux(stream.encode(None))
    return buffer.getvalue()


def with_cover(m4a):
    """Tags and a picture in the `moov` box, which our M4A has at its end, and boxes that nobody knows."""
    box = lambda name, body: struct.pack(">I", len(body) + 8) + name + body  # noqa: E731
    cover = box(b"covr", box(b"data", struct.pack(">II", 14, 0) + b"\x89PNG\r\n\x1a\n" + CANARY))
    title = box(b"\xa9nam", box(b"data", struct.pack(">II", 1, 0) + CANARY))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    baggage = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", title + cover)))
    at = m4a.rindex(b"moov") - 4
    size = int.from_bytes(m4a[at : at + 4], "big")
    assert at + size == len(m4a)
    return m4a[:at] + struct.pack(">I", size + len(baggage)) + m4a[at + 4 :] + baggage + box(b"free", CANARY)


def with_flac_blocks(flac):
    """Every other kind of metadata block behind STREAMINFO."""
    comment = struct.pack("<I", 4) + b"self" + struct.pack("<II", 1, 6 + len(CANARY)) + b"TITLE=" + CANARY
    picture = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">I5I", 0, 1, 1, 24, 0, len(CANARY)) + CANARY
    blocks = ((1, CANARY), (2, b"jane" + CANARY), (4, comment), (6, picture))
    added = b"".join(bytes([kind]) + len(body).to_bytes(3, "big") + body for kind, body in blocks)
    assert flac[4] in (0, 0x80)
    end = 8 + 34
    rest = flac[end:]
    if flac[4] == 0x80:
        return flac[:4] + b"\0" + flac[5:end] + added[:0] + added + rest
    return flac[:end] + added + rest


MP3, AAC, M4A, FLAC = (
    next(each for each in (*LOSSY, *FLACS) if (each.codec, each.container) == wanted)
    for wanted in (("mp3", "mp3"), ("aac", "aac"), ("aac", "mov"), ("flac", "flac"))
)
TAGGED = {
    "mp3 with ID3v2": lambda: ID3V2 + MP3.make(SECONDS),
    "mp3 with ID3v1": lambda: MP3.make(SECONDS) + ID3V1,
    "mp3 with APE": lambda: MP3.make(SECONDS) + ape(),
    "mp3 with all": lambda: ID3V2 + MP3.make(SECONDS) + ape() + ID3V1,
    "aac with tags": lambda: ID3V2 + AAC.make(SECONDS) + ID3V1,
    "flac with ID3v2": lambda: ID3V2 + FLAC.make(SECONDS),
    "flac with blocks": lambda: with_flac_blocks(FLAC.make(SECONDS)),
    "m4a with a cover": lambda: with_cover(M4A.make(SECONDS)),
    "mov with three streams": lambda: with_video_and_second_sound("mov", "aac"),
    "matroska with three streams": lambda: with_video_and_second_sound("matroska", "aac"),
    **{
        f"{each} with a title": lambda each=each: each.make(SECONDS, {"title": CANARY.decode()})
        for each in available((*FLACS, *LOSSY))
        if each.encoder and each.container not in ("amr", "aac")
    },
    "vorbis with a title": lambda: Original("vorbis", "ogg", 8000).make(SECONDS, {"title": CANARY.decode()}),
}


@pytest.mark.parametrize("name", TAGGED)
def test_nothing_but_the_sound_is_carried_over(name, tmp_path):
    data = TAGGED[name]()
    assert CANARY in data
    done = run(SMALL, tmp_path, data)
    assert CANARY not in done.data
    assert CANARY[:12] not in done.data
    if "streams" in name:
        assert done.recording.other_streams == 2
    assert done.again.other_streams == 0
    assert not set(done.again.tags) & {"title", "comment", "other", "artist"}
    assert abs(done.again.samples / done.again.sample_rate - SECONDS) < 0.15


# RF64: sizes beyond 32 bits.


class Sparse:
    """A file of many zeros, of which only the head is held."""

    def __init__(self, head, size):
        self.head, self.size = head, size

    def __len__(self):
        return self.size

    def __getitem__(self, where):
        start, stop, _ = where.indices(self.size)
        return self.head[start:stop].ljust(stop - start, b"\0")


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
@pytest.mark.parametrize(("missing", "reason"), [(0, None), (1 << 20, "truncated"), (3 << 30, "truncated")])
def test_a_header_of_more_than_four_gigabytes(name, missing, reason, tmp_path):
    frames = (5 << 30) // 4
    fmt = struct.pack("<HHIIHH", 1, 2, 8000, 32000, 4, 16)
    head = riff.header(fmt, frames * 4, frames).replace(b"RF64", name)
    data = Sparse(head, len(head) + frames * 4 - missing)
    kind = sniff(data)
    if reason is None:
        assert check_structure(data, kind).seconds == frames / 8000
    else:
        with pytest.raises(UnfitError, match=reason):
            check_structure(data, kind)
    sparse = tmp_path / "call"
    with sparse.open("wb") as file:
        file.write(head)
        file.truncate(len(data))
    with sparse.open("rb") as file:
        assert riff.locate(file).frames == frames - missing // 4
    started = time.monotonic()
    with pytest.raises(InputRejected, match=r"bytes"):
        decode(sparse, limits=DecodeLimits(max_bytes=1 << 30))
    assert time.monotonic() - started < 1  # it isn't even read


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_a_short_rf64_is_a_wav_like_any_other(name, tmp_path):
    original = replace(SMALL, form="rf64")
    done = run(original, tmp_path, original.make(SECONDS).replace(b"RF64", name))
    assert done.data[:4] == b"RIFF"
    assert np.array_equal(done.heard[done.outside], done.pcm[done.outside])


def test_the_length_of_an_rf64_is_the_one_in_its_own_chunk(tmp_path):
    data = replace(SMALL, form="rf64").make(SECONDS)
    at = data.index(b"ds64") + 16
    stated = int.from_bytes(data[at : at + 8], "little")
    (tmp_path / "call").write_bytes(data[:at] + struct.pack("<Q", stated * 2) + data[at + 8 :])
    with pytest.raises(InputRejected, match="too early"):
        decode(tmp_path / "call")


# Sound that a player would pass over.


def test_sound_behind_the_end_that_is_stated_is_not_passed_over(tmp_path):
    data = SMALL.make(3)
    at = data.index(b"data") + 4
    (tmp_path / "call").write_bytes(data[:at] + struct.pack("<I", 8000) + data[at + 4 :])
    with pytest.raises(InputRejected):
        decode(tmp_path / "call")


@pytest.mark.parametrize("original", [SMALL, replace(SMALL, form="rf64"), M4A, MP3, FLAC], ids=str)
def test_two_files_in_one_are_one_too_many(original, tmp_path):
    data = original.make(1)
    (tmp_path / "call").write_bytes(data + data)
    with pytest.raises(InputRejected):
        decode(tmp_path / "call")


def test_zeros_behind_the_samples_are_no_sound(tmp_path):
    (tmp_path / "call").write_bytes(SMALL.make(1) + bytes(64_000))
    with decode(tmp_path / "call") as decoded:
        assert decoded.pcm.read().shape == (2, 8000)


# Files that name others.

SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile {bait}\n",
    "concat": "file {bait}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{bait}\n#EXT-X-ENDLIST\n",
    "hls with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file://{bait}"\n#EXTINF:5,\nfile://{bait}\n',
    "hls behind a tag": "ID3\x03\0\0\0\0\0\0#EXTM3U\n#EXTINF:5,\n{bait}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na=control:{bait}\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{bait}"/></svg>',
    "dash": '<?xml version="1.0"?><MPD><Period><BaseURL>file://{bait}</BaseURL></Period></MPD>',
    "pls": "[playlist]\nFile1={bait}\nNumberOfEntries=1\n",
    "path": "{bait}",
}


def was_read(file):
    """Whether the file was read since it was laid out: its time of access is then no longer the old one."""
    return file.stat().st_atime > 1_000_000_000


@pytest.fixture
def bait(tmp_path):
    file = tmp_path / "bait.wav"

    def lay():
        file.write_bytes(SMALL.make(1))
        os.utime(file, (1_000_000_000, 1_000_000_000))

    lay()
    file.read_bytes()
    if not was_read(file):
        pytest.skip("this file system keeps no times of access")
    lay()
    return file


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_opens_nothing_else(name, bait, tmp_path):
    script = tmp_path / "call.wav"
    script.write_text(SCRIPTS[name].format(bait=bait))
    with pytest.raises(InputRejected) as caught:
        decode(script)
    assert caught.value.exit_code == 5
    assert not was_read(bait)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bait.wav", "call.wav"]


def test_a_film_whose_sound_lies_in_another_file_opens_nothing_else(bait, tmp_path):
    data = M4A.make(1)
    reference = data.index(b"url \0\0\0\x01")  # flag 1: the sound is in this file
    assert data.count(b"url \0\0\0\x01") == 1
    film = tmp_path / "call.wav"
    film.write_bytes(data[: reference + 4] + b"\0\0\0\0" + data[reference + 8 :])
    with suppress(InputRejected):
        decode(film)
    assert not was_read(bait)
