"""A masked recording comes back in its own format: in time, of its length, with its sound and nothing else."""

import io
import resource
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest
import soundfile
from sounds import masked as apply
from sounds import pcm_of

from redact.audio.decode import decode
from redact.audio.encode import Encoded, encode
from redact.audio.mask import replaced
from redact.call import Recording
from redact.errors import CannotWrite, InputRejected
from redact.findings import AudioInterval, MaskStyle
from redact.publish import Staged

CANARY = "Jane Canary 4929"
LAYOUTS = ("", "mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
INTERVALS = (AudioInterval(900, 1700, (0, 1), ("PERSON",)), AudioInterval(2300, 2600, (0,), ("CREDIT_CARD",)))


@dataclass(frozen=True)
class Case:
    """An original: how it is made, and what is to come back."""

    name: str
    encoder: str
    muxer: str
    rate: int
    channels: int
    feed: str
    bit_rate: int = 0
    frame: int = 0  # how much longer the result may be, in samples; 0 for exactly as long
    lossless: bool = False
    options: tuple = ()
    seconds: float = 3.3


LOSSY = [
    Case("mp3-8k.mp3", "libmp3lame", "mp3", 8000, 1, "fltp", 16_000),
    Case("mp3-16k.mp3", "libmp3lame", "mp3", 16000, 2, "fltp", 48_000),
    Case("mp3-44k.mp3", "libmp3lame", "mp3", 44100, 2, "fltp", 96_000),
    Case("opus-1.opus", "libopus", "ogg", 48000, 1, "flt", 16_000),
    Case("opus-2.ogg", "libopus", "ogg", 48000, 2, "flt", 48_000),
    Case("opus-5.ogg", "libopus", "ogg", 48000, 5, "flt", 160_000, options=(("mapping_family", "255"),)),
    Case("opus.webm", "libopus", "webm", 48000, 2, "flt", 48_000),
    Case("aac-8k.m4a", "aac", "ipod", 8000, 1, "fltp", 24_000, frame=1024),
    Case("aac-44k.m4a", "aac", "ipod", 44100, 2, "fltp", 96_000, frame=1024),
    Case("aac-16k.aac", "aac", "adts", 16000, 1, "fltp", 32_000, frame=1024),
    Case("amr-low.amr", "libopencore_amrnb", "amr", 8000, 1, "s16", 5_150, frame=160),
    Case("amr.amr", "libopencore_amrnb", "amr", 8000, 1, "s16", 12_200, frame=160),
    Case("vorbis-8k.ogg", "sndfile:VORBIS", "OGG", 8000, 1, "flt", frame=256),
    Case("vorbis-44k.ogg", "sndfile:VORBIS", "OGG", 44100, 2, "flt", frame=2048, seconds=4.5),
    Case("gsm.wav", "sndfile:GSM610", "WAV", 8000, 1, "flt", frame=320),
]
LOSSLESS = [
    Case("s16.flac", "flac", "flac", 8000, 1, "s16", lossless=True),
    Case("s24.flac", "flac", "flac", 16000, 2, "s24", lossless=True),
    Case("s32.flac", "flac", "flac", 16000, 1, "s32", lossless=True, options=(("strict", "experimental"),)),
    Case("eight.flac", "flac", "flac", 16000, 8, "s16", lossless=True),
    Case("flac.ogg", "flac", "ogg", 16000, 2, "s16", lossless=True),
    Case("alac.m4a", "alac", "ipod", 16000, 2, "s16p", lossless=True),
]


@cache
def voice(rate, channels, seconds=3.3, seed=0):
    """A gliding pitch with overtones, in syllables, another on each channel: what speech codecs expect."""
    t = np.arange(int(rate * seconds)) / rate
    result = np.zeros((channels, len(t)))
    draw = np.random.default_rng(seed)
    for channel in range(channels):
        pitch = 110 + 15 * channel + 30 * np.sin(2 * np.pi * draw.uniform(0.4, 0.9) * t + draw.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        for overtone in range(1, 18):
            result[channel] += np.sin(overtone * phase + draw.uniform(0, 6)) / (1 + abs(overtone - 4))
        result[channel] *= np.clip(np.sin(2 * np.pi * draw.uniform(2, 3) * t + channel), 0.02, 1)
    return 0.5 * result / np.abs(result).max()


def made(case, sound=None):
    sound = voice(case.rate, case.channels, case.seconds) if sound is None else sound
    if case.encoder.startswith("sndfile"):
        return made_by_libsndfile(case, sound)
    buffer = io.BytesIO()
    bits = {"s16": 16, "s16p": 16, "s24": 24, "s32": 32}.get(case.feed)
    if bits:
        sound = np.rint(sound * (2 ** (bits - 1) - 1)).astype(np.int64) << {24: 8}.get(bits, 0)
    sound = sound.astype({16: np.int16, 24: np.int32, 32: np.int32}.get(bits, np.float32))
    packed = {"s16": "s16", "s16p": "s16", "s24": "s32", "s32": "s32"}.get(case.feed, "flt")
    with av.open(buffer, "w", format=case.muxer) as container:
        container.metadata["title"] = CANARY
        container.metadata["comment"] = CANARY
        stream = container.add_stream(case.encoder, rate=case.rate, options=dict(case.options))
        stream.codec_context.format = {"s24": "s32"}.get(case.feed, case.feed)
        stream.codec_context.layout = LAYOUTS[case.channels]
        if case.bit_rate:
            stream.codec_context.bit_rate = case.bit_rate
        for at in range(0, sound.shape[1], 4096):
            block = np.ascontiguousarray(sound[:, at : at + 4096].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format=packed, layout=LAYOUTS[case.channels])
            frame.sample_rate, frame.pts, frame.time_base = case.rate, at, Fraction(1, case.rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def made_by_libsndfile(case, sound):
    buffer = io.BytesIO()
    subtype = case.encoder.split(":")[1]
    with soundfile.SoundFile(buffer, "w", case.rate, case.channels, format=case.muxer, subtype=subtype) as file:
        if subtype == "VORBIS":
            file.title = file.artist = CANARY
        for at in range(0, sound.shape[1], 1024):
            file.write(np.ascontiguousarray(sound[:, at : at + 1024].T.astype(np.float32)))
    return buffer.getvalue()


@dataclass(frozen=True)
class Done:
    """One original on its way through: decoded, masked, encoded, decoded again."""

    recording: Recording
    pcm: np.ndarray
    masked: np.ndarray
    spans: tuple
    encoded: Encoded
    data: bytes
    again: Recording
    heard: np.ndarray


@pytest.fixture(scope="session")
def through(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encode")

    @cache
    def run(case):
        path = folder / case.name
        path.write_bytes(made(case))
        original = decode(path)
        recording, pcm = original.recording, original.pcm.read()
        own = tuple(
            replace(each, channels=tuple(c for c in each.channels if c < recording.channels)) for each in INTERVALS
        )
        masked = apply(pcm, own, MaskStyle(), recording.sample_rate)
        spans = tuple(
            replaced(own, channel, recording.sample_rate, recording.samples) for channel in range(recording.channels)
        )
        out = io.BytesIO()
        encoded = encode(recording, path, pcm_of(masked, recording.sample_rate), spans, out)
        result = folder / f"out-{case.name}"
        result.write_bytes(out.getvalue())
        again = decode(result)
        return Done(recording, pcm, masked, spans, encoded, out.getvalue(), again.recording, again.pcm.read())

    return run


def lag_ms(one, other, rate):
    """How much later the second sounds than the first, to a fraction of a sample."""
    n = min(len(one), len(other))
    one, other = one[:n].astype(float), other[:n].astype(float)
    spectrum = np.fft.rfft(one, 2 * n).conj() * np.fft.rfft(other, 2 * n)
    around = np.roll(np.fft.irfft(spectrum, 2 * n), rate)[: 2 * rate]
    return (int(np.argmax(around)) - rate) * 1000 / rate


def cases(*lists):
    return pytest.mark.parametrize("case", [case for each in lists for case in each], ids=lambda case: case.name)


@cases(LOSSY, LOSSLESS)
def test_format_stays(case, through):
    done = through(case)
    assert done.encoded == Encoded("." + case.name.split(".")[1], done.recording.codec, done.recording.container, None)
    for field in ("codec", "container", "sample_rate", "roles", "sample_format"):
        assert getattr(done.again, field) == getattr(done.recording, field)
    assert 0 <= done.again.samples - done.recording.samples <= case.frame


@cases(LOSSY)
def test_sound_stays_in_its_place_in_time(case, through):
    done = through(case)
    for channel in range(done.recording.channels):
        clean = np.ones(done.recording.samples, bool)
        for first, last in done.spans[channel]:
            clean[first:last] = False
        one = np.where(clean, done.pcm[channel], 0)
        other = np.where(clean, done.heard[channel, : len(clean)], 0)
        assert abs(lag_ms(one, other, case.rate)) <= 1.0
        assert np.corrcoef(one, other)[0, 1] > (0.6 if "amr" in case.name else 0.9)


@cases(LOSSY)
def test_mask_is_where_it_was_put_and_nothing_shows_through(case, through):
    done = through(case)
    rate, edge = case.rate, case.rate * 60 // 1000  # a lossy codec smears over a frame or two
    first, last = 900 * rate // 1000 + edge, 1700 * rate // 1000 - edge
    for channel in range(min(2, done.recording.channels)):
        inside = done.heard[channel, first:last].astype(float)
        original = done.pcm[channel, first:last].astype(float)
        # At no shift of the one against the other do they look alike.
        height = np.fft.irfft(np.fft.rfft(original).conj() * np.fft.rfft(inside))
        assert np.abs(height).max() / np.linalg.norm(original) / np.linalg.norm(inside) < 0.1
        spectrum = np.abs(np.fft.rfft(inside * np.hanning(len(inside))))
        assert np.argmax(spectrum) * rate / len(inside) == pytest.approx(1000, abs=5)


@cases(LOSSLESS)
def test_lossless_is_equal_to_the_bit(case, through):
    done = through(case)
    assert np.array_equal(done.heard, done.masked)
    outside = np.ones(done.pcm.shape, bool)
    for channel, spans in enumerate(done.spans):
        for first, last in spans:
            outside[channel, first:last] = False
    assert np.array_equal(done.heard[outside], done.pcm[outside])


@pytest.mark.parametrize(("name", "bits"), [("s16.flac", 16), ("s24.flac", 24), ("s32.flac", 32)])
def test_flac_keeps_its_depth(name, bits, through):
    data = through(next(case for case in LOSSLESS if case.name == name)).data
    assert data[:4] == b"fLaC"
    assert ((data[20] & 1) << 4 | data[21] >> 4) + 1 == bits  # STREAMINFO: five bits, less one


@cases(LOSSY, LOSSLESS)
def test_bit_rate_stays_in_its_class(case, through):
    done = through(case)
    if done.recording.bit_rate is None:
        assert case.lossless or case.encoder.endswith("GSM610")
    else:
        # Where the rate is variable a masking tone takes other bits than the speech did.
        assert 0.7 < done.again.bit_rate / done.recording.bit_rate < 1.6


@cases(LOSSY, LOSSLESS)
def test_tags_are_not_carried_over(case, through):
    done = through(case)
    assert CANARY.encode() not in done.data
    assert b"Lavc" not in done.data
    with av.open(io.BytesIO(done.data)) as container:
        names = {key.lower() for key in (*container.metadata, *container.streams.audio[0].metadata)}
        assert len(container.streams) == 1
    structure = {
        "major_brand",
        "minor_version",
        "compatible_brands",
        "language",
        "handler_name",
        "vendor_id",
        "duration",
    }
    assert names - structure <= {"encoder"}
    assert done.again.other_streams == 0


def test_the_tags_of_these_originals_would_be_seen():
    carried = [case.name for case in LOSSY + LOSSLESS if CANARY.encode() in made(case)]
    assert {"mp3-8k.mp3", "opus-2.ogg", "aac-8k.m4a", "vorbis-8k.ogg", "s16.flac"} <= set(carried)


@cases(LOSSY, LOSSLESS)
def test_same_input_gives_same_bytes(case, through):
    done = through(case)
    out = io.BytesIO()
    encode(done.recording, io.BytesIO(made(case)), pcm_of(done.masked, case.rate), done.spans, out)
    assert out.getvalue() == done.data


def test_mp3_states_its_length(through):
    done = through(LOSSY[0])
    assert done.data[:3] != b"ID3"
    assert b"Info" in done.data[:200] or b"Xing" in done.data[:200]
    assert done.again.samples == done.recording.samples


@contextmanager
def flushed(file):
    yield
    file.flush()


@cases([LOSSY[1], LOSSY[4], LOSSY[7], LOSSY[9], LOSSY[11], *LOSSY[12:], *LOSSLESS[:2], LOSSLESS[5]])
def test_a_full_disk_is_an_error_of_ours_in_all_libraries(case, through, tmp_path, capfd):
    done = through(case)
    sound = pcm_of(done.masked, case.rate)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Staged(tmp_path / "new") as staged:
        out = staged.open("call")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(CannotWrite, match="can't write the output: file too large"), flushed(out):
                encode(done.recording, io.BytesIO(made(case)), sound, done.spans, out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_while_a_library_writes_is_passed_on(through):
    class Interrupted(io.BytesIO):
        def write(self, data):
            raise KeyboardInterrupt

    for case in (LOSSY[1], LOSSY[12]):
        done = through(case)
        with pytest.raises(KeyboardInterrupt):
            encode(done.recording, io.BytesIO(made(case)), pcm_of(done.masked, case.rate), done.spans, Interrupted())


WAV = [
    ("pcm_u8", "u8", 1),
    ("pcm_s16le", "s16", 2),
    ("pcm_s24le", "s32", 2),
    ("pcm_s32le", "s32", 1),
    ("pcm_f32le", "flt", 2),
    ("pcm_f64le", "dbl", 1),
    ("pcm_mulaw", "s16", 2),
    ("pcm_alaw", "s16", 1),
]


def wav_of(codec, feed, channels, rate=8000):
    kinds = {"u8": "<u1", "s16": "<i2", "s32": "<i4", "flt": "<f4", "dbl": "<f8"}
    sound = voice(rate, channels)
    top = {"u8": 127, "s16": 32767, "s32": 2**31 - 1}.get(feed, 1)
    sound = sound * top + (128 if feed == "u8" else 0)
    sound = (np.rint(sound) if top > 1 else sound).astype(kinds[feed])
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="wav") as container:
        container.metadata["title"] = CANARY
        stream = container.add_stream(codec, rate=rate)
        stream.codec_context.format = feed
        stream.codec_context.layout = LAYOUTS[channels]
        block = np.ascontiguousarray(sound.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format=feed, layout=LAYOUTS[channels])
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def data_chunk(data):
    at = data.index(b"data")
    return data[at + 8 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]


@pytest.mark.parametrize(("codec", "feed", "channels"), WAV)
def test_wav_is_equal_to_the_bit_outside_the_masks(codec, feed, channels, tmp_path):
    original = wav_of(codec, feed, channels)
    if codec == "pcm_mulaw":
        at = original.index(b"data") + 8
        original = original[:at] + b"\x7f\xff" * 400 + original[at + 800 :]  # both zeros
    path = tmp_path / "call.wav"
    path.write_bytes(original)
    decoded = decode(path)
    recording = decoded.recording
    intervals = [replace(INTERVALS[0], channels=tuple(range(channels))), INTERVALS[1]]
    masked = apply(decoded.pcm.read(), intervals, MaskStyle("noise"), 8000)
    spans = [replaced(intervals, channel, 8000, recording.samples) for channel in range(channels)]
    result = tmp_path / "out.wav"
    with result.open("w+b") as out:
        assert encode(recording, path, pcm_of(masked, 8000), spans, out) == Encoded(".wav", codec, "wav", None)
    written = result.read_bytes()
    assert CANARY.encode() in original
    assert CANARY.encode() not in written
    width = len(data_chunk(original)) // recording.samples // channels
    old, new = (np.frombuffer(data_chunk(each), np.uint8).reshape(-1, channels, width) for each in (original, written))
    inside = np.zeros((recording.samples, channels), bool)
    for channel in range(channels):
        for first, last in spans[channel]:
            inside[first:last, channel] = True
    assert np.array_equal(new[~inside], old[~inside])
    heard = decode(result).pcm.read()
    steps = {"pcm_u8": 256, "pcm_mulaw": 257, "pcm_alaw": 257, "pcm_s24le": 256}.get(codec, 0)
    far = np.abs(heard.astype(float) - masked.astype(float))
    assert far.max() <= steps  # the mask, to the nearest step of the coding
    assert written[:4] == b"RIFF"
    assert len(written) == int.from_bytes(written[4:8], "little") + 8


def test_an_open_file_will_do_and_stays_open(tmp_path):
    original = wav_of("pcm_s16le", "s16", 1)
    (tmp_path / "call.wav").write_bytes(original)
    decoded = decode(tmp_path / "call.wav")
    source, out = io.BytesIO(original), io.BytesIO()
    encode(decoded.recording, source, decoded.pcm, [[]], out)
    assert data_chunk(out.getvalue()) == data_chunk(original)
    assert not source.closed


@pytest.mark.parametrize("change", ["other sound", "shorter", "other format"])
def test_a_recording_that_was_exchanged_does_not_get_out(change, tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_of("pcm_s16le", "s16", 1))
    decoded = decode(path)
    masked = apply(decoded.pcm.read(), INTERVALS[1:], MaskStyle(), 8000)
    spans = [replaced(INTERVALS[1:], 0, 8000, decoded.recording.samples)]
    secret = {
        "other sound": lambda: path.read_bytes()[:-4000] + b"\x11\x22" * 2000,
        "shorter": lambda: path.read_bytes()[:-4000],
        "other format": lambda: wav_of("pcm_mulaw", "s16", 1),
    }[change]()
    path.write_bytes(secret)
    out = io.BytesIO(b"kept so far")
    out.seek(0, io.SEEK_END)
    encoded = encode(decoded.recording, path, pcm_of(masked, 8000), spans, out)
    assert encoded.codec == "pcm_s16le"
    assert "could not be copied" in encoded.note
    assert out.getvalue().startswith(b"kept so farRIFF")
    assert np.array_equal(np.frombuffer(data_chunk(out.getvalue()), "<i2"), masked[0])
    assert b"\x11\x22" * 8 not in out.getvalue()


def test_a_recording_that_is_gone_can_not_be_read(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_of("pcm_s16le", "s16", 1))
    decoded = decode(path)
    path.unlink()
    with pytest.raises(InputRejected) as caught:
        encode(decoded.recording, path, decoded.pcm, [[]], io.BytesIO())
    assert caught.value.exit_code == 5


def recording_of(codec, container, rate, pcm, **more):
    roles = ("other",) * pcm.shape[0]
    sample_format = {"int16": "s16", "int32": "s32", "float32": "flt"}[str(pcm.dtype)]
    return Recording("0" * 64, container, codec, rate, pcm.shape[1], sample_format, roles, **more)


@pytest.mark.parametrize(
    ("codec", "container", "rate", "channels", "reason"),
    [
        ("amr_wb", "amr", 16000, 1, "no encoder here for amr_wb"),
        ("amr_nb", "amr", 8000, 2, "amr_nb of 2 channels"),
        ("gsm_ms", "wav", 8000, 2, "gsm_ms of 2 channels"),
        ("vorbis", "ogg", 44100, 3, "vorbis of 3 channels"),
        ("aac", "mov", 44100, 6, "aac of 6 channels"),
        ("aac", "aac", 44100, 6, "aac of 6 channels"),
        ("aac", "mov", 9000, 1, "of this sample rate"),
        ("opus", "ogg", 44100, 1, "of this sample rate"),
        ("amr_nb", "amr", 16000, 1, "of this sample rate"),
        ("mp3", "mp3", 7000, 1, "of this sample rate"),
        ("pcm_s16le", "matroska", 8000, 2, "no encoder here for pcm_s16le"),
        ("wmav2", "asf", 8000, 2, "no encoder here for wmav2"),
    ],
)
def test_what_can_not_be_encoded_becomes_wav_and_says_so(codec, container, rate, channels, reason):
    pcm = voice(rate, channels).astype(np.float32)
    pcm[:, 10:12] = [1.5, -1.5]  # over full scale, as lossy decoders give it
    out = io.BytesIO()
    encoded = encode(recording_of(codec, container, rate, pcm), io.BytesIO(), pcm_of(pcm, rate), [[]] * channels, out)
    assert (encoded.suffix, encoded.codec, encoded.container) == (".wav", "pcm_s16le", "wav")
    assert encoded.note.startswith("written as WAV, PCM 16 bit: ")
    assert reason in encoded.note
    written = np.frombuffer(data_chunk(out.getvalue()), "<i2").reshape(-1, channels).T
    assert np.array_equal(written, np.clip(np.rint(pcm.astype(float) * 32768), -32768, 32767))


@pytest.mark.parametrize(
    ("codec", "container", "rate", "suffix", "becomes"),
    [
        ("aac", "webm", 16000, ".m4a", "mov"),
        ("mp3", "matroska", 16000, ".mp3", "mp3"),
        ("opus", "matroska", 48000, ".opus", "ogg"),
        ("vorbis", "webm", 16000, ".ogg", "ogg"),
        ("amr_nb", "mov", 8000, ".amr", "amr"),
    ],
)
def test_a_codec_in_a_foreign_container_moves_to_its_own(codec, container, rate, suffix, becomes, tmp_path):
    pcm = voice(rate, 1).astype(np.float32)
    result = tmp_path / "out"
    with result.open("w+b") as out:
        encoded = encode(recording_of(codec, container, rate, pcm), io.BytesIO(), pcm_of(pcm, rate), [[]], out)
    assert (encoded.suffix, encoded.codec, encoded.container) == (suffix, codec, becomes)
    assert container in encoded.note
    again = decode(result).recording
    assert (again.codec, again.container) == (codec, becomes)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("x.OGG", ".ogg"), ("x.oga", ".oga"), ("x.opus", ".opus"), ("x.jane-smith", ".opus"), ("x", ".opus")],
)
def test_suffix_is_the_original_s_where_it_is_one_of_the_format(name, suffix, tmp_path):
    pcm = np.zeros((1, 4800), np.float32)
    assert (
        encode(recording_of("opus", "ogg", 48000, pcm), tmp_path / name, pcm_of(pcm, 48000), [[]], io.BytesIO()).suffix
        == suffix
    )


@pytest.mark.parametrize("samples", [1, 39, 160, 1023, 1025])
@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("mp3", "mp3", 8000),
        ("opus", "ogg", 48000),
        ("aac", "aac", 16000),
        ("aac", "mov", 16000),
        ("flac", "flac", 8000),
        ("amr_nb", "amr", 8000),
        ("gsm_ms", "wav", 8000),
        ("vorbis", "ogg", 8000),
    ],
)
def test_a_blink_of_sound_is_a_recording_too(codec, container, rate, samples):
    pcm = (voice(rate, 1)[:, :samples] * 32767).astype(np.int16)
    out = io.BytesIO()
    encoded = encode(recording_of(codec, container, rate, pcm), io.BytesIO(), pcm_of(pcm, rate), [[]], out)
    assert (encoded.codec, encoded.note) == (codec, None)
    # FFmpeg doesn't guess ADTS from two frames; our decoder doesn't let it guess.
    with av.open(io.BytesIO(out.getvalue()), format="aac" if container == "aac" else None) as again:
        assert sum(frame.samples for frame in again.decode(audio=0)) > 0


@pytest.mark.parametrize(
    ("shape", "spans"), [((1, 99), [[]]), ((2, 100), [[], []]), ((1, 100), []), ((1, 100), [[], []])]
)
def test_another_shape_is_an_error_of_the_caller(shape, spans):
    recording = recording_of("pcm_s16le", "wav", 8000, np.zeros((1, 100), np.int16))
    with pytest.raises(ValueError, match="shape"):
        encode(recording, io.BytesIO(), pcm_of(np.zeros(shape, np.int16), 8000), spans, io.BytesIO())
