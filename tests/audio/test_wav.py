"""RIFF bytes: samples are found wherever writers put them, and copied without a change."""

import io
import struct

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import pcm_of

from redact.audio import pcm, wav
from redact.errors import InputRejected

TAGS = {"pcm_f32le": 3, "pcm_f64le": 3, "pcm_mulaw": 7, "pcm_alaw": 6}
WIDTHS = {
    "pcm_u8": 1,
    "pcm_s16le": 2,
    "pcm_s24le": 3,
    "pcm_s32le": 4,
    "pcm_f32le": 4,
    "pcm_f64le": 8,
    "pcm_mulaw": 1,
    "pcm_alaw": 1,
}
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def fmt_of(codec, channels=1, rate=8000, *, extensible=False, bits=None):
    block = channels * WIDTHS[codec]
    tag = TAGS.get(codec, 1)
    bits = bits or 8 * WIDTHS[codec]
    plain = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * block, block, bits)
    if extensible:
        return plain + struct.pack("<HHIH", 22, bits, 3, tag) + GUID_TAIL
    return plain if tag == 1 else plain + b"\0\0"


def wav_file(codec, data, *, fmt=None, before=b"", after=b"", data_size=None, riff=b"RIFF"):
    size = len(data) if data_size is None else data_size
    pad = bytes(len(data) & 1) if after else b""
    body = (
        b"WAVE" + before + chunk(b"fmt ", fmt or fmt_of(codec)) + b"data" + struct.pack("<I", size) + data + pad + after
    )
    return riff + struct.pack("<I", len(body) if riff == b"RIFF" else 0xFFFFFFFF) + body


def decoded(data):
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1)


def copy(data, masked, spans):
    sound = wav.locate(io.BytesIO(data))
    out = io.BytesIO()
    assert sound is not None
    return wav.copy_masked(sound, io.BytesIO(data), pcm_of(masked, 8000), spans, out), out.getvalue()


def heard(codec, data, channels=1):
    """What FFmpeg hears in the bytes, as our decoder hands it on: shape (channels, samples)."""
    pcm = decoded(wav_file(codec, data, fmt=fmt_of(codec, channels))).reshape(-1, channels).T
    if pcm.dtype == np.uint8:
        pcm = (pcm.astype(np.int16) - 128) << 8
    return pcm.astype(np.float32) if pcm.dtype == np.float64 else pcm


def payload(codec, frames, channels=1, seed=0):
    draw = np.random.default_rng(seed)
    if codec == "pcm_f32le":
        return draw.uniform(-1.2, 1.2, frames * channels).astype("<f4").tobytes()
    if codec == "pcm_f64le":
        return draw.uniform(-1.2, 1.2, frames * channels).astype("<f8").tobytes()
    return draw.bytes(frames * channels * WIDTHS[codec])


def mask_like(pcm, seed=9):
    draw = np.random.default_rng(seed)
    if pcm.dtype == np.float32:
        return draw.uniform(-0.1, 0.1, pcm.shape).astype(np.float32)
    top = np.iinfo(pcm.dtype).max // 10
    return draw.integers(-top, top, pcm.shape, pcm.dtype)


@pytest.mark.parametrize("codec", WIDTHS)
def test_samples_decode_as_ffmpeg_decodes_them(codec):
    data = bytes(range(256)) * 24 if codec[4] in "um" else payload(codec, 4096)
    ours = wav.CODECS[codec].decode(np.frombuffer(data, np.uint8).reshape(-1, WIDTHS[codec]))
    assert np.array_equal(ours, heard(codec, data)[0])


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw"])
def test_g711_codes_are_the_nearest(codec):
    coding = wav.CODECS[codec]
    levels = coding.decode(np.arange(256, dtype=np.uint8)[:, None]).astype(int)
    values = np.arange(-32768, 32768)
    codes = coding.encode(values.astype(np.int16))[:, 0]
    nearest = np.min(np.abs(values[:, None] - levels[None, :]), axis=1)
    assert np.array_equal(np.abs(values - levels[codes]), nearest)
    assert len(np.unique(codes)) >= 255  # mu-law's second zero is never needed
    assert coding.encode(np.zeros(1, np.int16))[0, 0] == {"pcm_mulaw": 0xFF, "pcm_alaw": 0xD5}[codec]


@pytest.mark.parametrize("codec", [name for name in WIDTHS if name[4] != "m" and name != "pcm_alaw"])
def test_samples_are_encoded_to_what_decodes_to_them(codec):
    coding = wav.CODECS[codec]
    raw = np.frombuffer(payload(codec, 1000), np.uint8).reshape(-1, WIDTHS[codec])
    pcm = coding.decode(raw)
    assert np.array_equal(coding.decode(coding.encode(pcm)), pcm)


def test_eight_bits_do_not_wrap():
    extremes = np.array([-32768, 32767, 32700, 0, 127, 128], np.int16)
    assert wav.CODECS["pcm_u8"].encode(extremes)[:, 0].tolist() == [0, 255, 255, 128, 128, 129]


LIST = chunk(b"LIST", b"INFOINAM" + struct.pack("<I", 5) + b"Jane\0\0")
PLACES = {
    "plain": {},
    "tags before": {"before": LIST + chunk(b"bext", b"x" * 603)},  # odd: padded
    "tags after": {"after": LIST + chunk(b"id3 ", b"ID3canary") + b"trailing"},
    "size 0": {"data_size": 0},
    "size unknown": {"data_size": 0xFFFFFFFF},
    "size of sox": {"data_size": 0x7FFFF000},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_mulaw"])
@pytest.mark.parametrize("frames", [999, 1000])
def test_samples_are_found_and_only_they_are_written(place, codec, frames):
    data = payload(codec, frames)
    pcm = heard(codec, data)
    masked = mask_like(pcm)
    masked[:, :100], masked[:, 300:] = pcm[:, :100], pcm[:, 300:]
    done, written = copy(wav_file(codec, data, **PLACES[place]), masked, [[(100, 300)]])
    width = WIDTHS[codec]
    kept = data[: 100 * width] + wav.CODECS[codec].encode(masked[0, 100:300]).tobytes() + data[300 * width :]
    fact = chunk(b"fact", struct.pack("<I", frames)) if codec in TAGS else b""
    body = b"WAVE" + chunk(b"fmt ", fmt_of(codec)) + fact + chunk(b"data", kept)
    assert done
    assert written == b"RIFF" + struct.pack("<I", len(body)) + body


def test_rf64_is_read():
    data = payload("pcm_s16le", 500)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(data), 500, 0))
    original = wav_file("pcm_s16le", data, riff=b"RF64", before=ds64, data_size=0xFFFFFFFF, after=LIST)
    done, written = copy(original, heard("pcm_s16le", data), [[]])
    assert done
    assert written.endswith(b"data" + struct.pack("<I", len(data)) + data)


@pytest.mark.parametrize("bits", [24, 20])
def test_extensible_stays_extensible(bits):
    fmt = fmt_of("pcm_s24le", 2, extensible=True, bits=bits)
    data = payload("pcm_s24le", 100, 2)
    done, written = copy(wav_file("pcm_s24le", data, fmt=fmt), heard("pcm_s24le", data, 2), [[], []])
    assert done
    assert chunk(b"fmt ", fmt) in written
    assert b"fact" not in written


def test_g711_with_the_bits_that_it_decodes_to():
    data = payload("pcm_mulaw", 100)
    fmt = fmt_of("pcm_mulaw", bits=16)
    done, written = copy(wav_file("pcm_mulaw", data, fmt=fmt), heard("pcm_mulaw", data), [[]])
    assert done
    assert chunk(b"fmt ", fmt_of("pcm_mulaw")) in written


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"OggS" + bytes(60),
        b"RIFX" + wav_file("pcm_s16le", bytes(8))[4:],
        b"RIFF\x04\0\0\0WAVE",
        wav_file("pcm_s16le", bytes(8), fmt=fmt_of("pcm_s16le")[:12]),
        wav_file("pcm_s16le", bytes(8), fmt=struct.pack("<HHIIHH", 0x31, 1, 8000, 1625, 65, 0)),  # GSM
        wav_file("pcm_s16le", bytes(8), fmt=struct.pack("<HHIIHH", 1, 1, 8000, 16000, 5, 16)),
        wav_file("pcm_s16le", bytes(8), fmt=fmt_of("pcm_s16le", extensible=True)[:-1] + b"?"),
        wav_file("pcm_s16le", bytes(8), fmt=fmt_of("pcm_s16le", extensible=True)[:18]),
    ],
)
def test_what_is_not_ours_to_copy(data):
    assert wav.locate(io.BytesIO(data)) is None


def other_sound(data, pcm):
    pcm[0, 500] ^= 256


def shifted(data, pcm):
    pcm[0] = np.roll(pcm[0], 1)


@pytest.mark.parametrize("change", [other_sound, shifted])
def test_bytes_that_are_not_what_was_heard_are_not_copied(change):
    data = payload("pcm_s16le", 1000)
    pcm = heard("pcm_s16le", data).copy()
    change(data, pcm)
    done, _ = copy(wav_file("pcm_s16le", data), pcm, [[(100, 200)]])
    assert not done


@pytest.mark.parametrize("frames", [999, 1001])
def test_another_length_is_not_copied(frames):
    data = payload("pcm_s16le", 1000)
    done, _ = copy(wav_file("pcm_s16le", data), np.zeros((1, frames), np.int16), [[(0, 999)]])
    assert not done


def test_a_file_that_shrinks_meanwhile_is_not_copied():
    data = payload("pcm_s16le", 1000)
    whole = wav_file("pcm_s16le", data)
    sound = wav.locate(io.BytesIO(whole))
    assert not wav.copy_masked(
        sound, io.BytesIO(whole[:-10]), pcm_of(heard("pcm_s16le", data), 8000), [[]], io.BytesIO()
    )


def test_samples_that_are_not_numbers_are_copied_as_they_are():
    data = np.array([0.5, np.nan, np.inf, -np.inf, 1e300, -0.25], "<f8").tobytes()
    masked = np.array([[0.5, 0.0, 1.0, -1.0, 1.0, 0.125]], np.float32)  # as the decoder gives them
    done, written = copy(wav_file("pcm_f64le", data), masked, [[(5, 6)]])
    assert done
    assert written.endswith(data[:40] + struct.pack("<d", 0.125))


class Failing(io.BytesIO):
    def read(self, _size=-1):
        raise OSError(5, "Input/output error")


def test_a_read_error_is_an_unreadable_recording():
    with pytest.raises(InputRejected) as caught:
        wav.locate(Failing(b"RIFF"))
    assert caught.value.exit_code == 5
    data = payload("pcm_s16le", 10)
    sound = wav.locate(io.BytesIO(wav_file("pcm_s16le", data)))
    with pytest.raises(InputRejected):
        wav.copy_masked(sound, Failing(), pcm_of(heard("pcm_s16le", data), 8000), [[]], io.BytesIO())


spans_of_a_channel = st.lists(st.tuples(st.integers(0, 250), st.integers(1, 60)), max_size=4).map(
    lambda pairs: [(first, min(first + length, 256)) for first, length in pairs if first < 256]
)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(WIDTHS)),
    st.tuples(spans_of_a_channel, spans_of_a_channel),
    st.integers(0, 1000),
)
def test_copies_keep_every_bit_outside_and_none_inside(codec, spans, seed):
    width = WIDTHS[codec]
    inside = np.zeros((256, 2), bool)
    for channel in (0, 1):
        for first, last in spans[channel]:
            inside[first:last, channel] = True
    results = []
    for original in (payload(codec, 256, 2, seed), payload(codec, 256, 2, seed + 1)):
        samples = np.frombuffer(original, np.uint8).reshape(256, 2, width)
        pcm = wav.CODECS[codec].decode(samples).T
        masked = np.where(inside.T, mask_like(pcm), pcm)
        done, written = copy(wav_file(codec, original, fmt=fmt_of(codec, 2)), masked, spans)
        assert done
        result = np.frombuffer(written[-512 * width :], np.uint8).reshape(256, 2, width)
        assert np.array_equal(result[~inside], samples[~inside])
        results.append(result)
    assert np.array_equal(results[0][inside], results[1][inside])


def test_blocks_join_without_a_seam(monkeypatch):
    data = payload("pcm_s16le", 1000, 2)
    masked = heard("pcm_s16le", data, 2).copy()
    masked[0, 60:500], masked[1, 127:129] = 1, 2
    whole = copy(wav_file("pcm_s16le", data, fmt=fmt_of("pcm_s16le", 2)), masked, [[(60, 500)], [(127, 129)]])
    monkeypatch.setattr(pcm, "BLOCK_SAMPLES", 64)
    parts = copy(wav_file("pcm_s16le", data, fmt=fmt_of("pcm_s16le", 2)), masked, [[(60, 500)], [(127, 129)]])
    assert whole == parts
    assert whole[0]
    assert np.array_equal(decoded(whole[1]).reshape(-1, 2).T, masked)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_pcm16_is_written(channels):
    pcm = np.random.default_rng(1).integers(-32768, 32767, (channels, 777), np.int16)
    out = io.BytesIO()
    wav.write_pcm16((pcm[:, at : at + 100] for at in range(0, 777, 100)), channels, 777, 11025, out)
    assert np.array_equal(decoded(out.getvalue()).reshape(-1, channels).T, pcm)
    with av.open(io.BytesIO(out.getvalue())) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 11025


def test_more_than_four_gigabytes_need_rf64():
    fmt = fmt_of("pcm_s16le", 2)
    frames = 1 << 30
    head = wav.header(fmt, frames * 4, frames)
    assert head[:12] == b"RF64\xff\xff\xff\xffWAVE"
    assert head[12:16] == b"ds64"
    riff_size, data_size, samples, table = struct.unpack("<QQQI", head[20:48])
    assert (riff_size, data_size, samples, table) == (len(head) - 8 + frames * 4, frames * 4, frames, 0)
    assert head[48:] == chunk(b"fmt ", fmt) + b"data\xff\xff\xff\xff"
    largest = (0xFFFFFFFF - 36) & ~1
    assert wav.header(fmt, largest, largest // 4)[:4] == b"RIFF"
    assert wav.header(fmt, largest + 2, largest // 4)[:4] == b"RF64"
