"""Writes a masked recording in the format of its original, with its sound only: no tags, no pictures, no other streams.

| original                         | result                                                                            |
|----------------------------------|-----------------------------------------------------------------------------------|
| WAV: PCM, float, mu-law, A-law   | the file's own bytes outside the masks (`redact.audio.wav`)                       |
| FLAC, ALAC                       | the same codec, without loss, of the same depth (16, 24 or 32 bit)                |
| MP3, AAC, Opus, AMR narrowband   | encoded again by FFmpeg, at about the original's bit rate                         |
| Vorbis, GSM 6.10 in WAV          | encoded again by libsndfile: FFmpeg's Vorbis encoder is poor, for GSM it has none |
| anything else                    | WAV, PCM 16 bit, and a note that says why                                         |

A codec stays in its container where that is one of those in `_RECIPES`; from any other, such as Matroska, it moves to
the first of them, with a note. What was written decodes to sound that lies where the original's did: the encoder's
delay is stated in the file (MP3, Opus, M4A) or, where a format has no place for it, taken out here (ADTS, AMR). The
length is the original's to the sample for WAV, FLAC, ALAC, MP3 and Opus, else to one frame of the codec.

The same input gives the same bytes: FFmpeg's muxers run in their `bitexact` mode, and libsndfile's random Ogg serial
number is replaced. FFmpeg still names itself in WebM and libsndfile in Vorbis; neither can be switched off.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from redact.audio import ogg, wav
from redact.audio.pcm import Signal, blocks
from redact.audio.spared import Spared
from redact.call import Recording, SampleFormat

Span = tuple[int, int]

_BLOCK = 1024  # samples handed to an encoder at a time; libsndfile's Vorbis encoder crashes on long blocks
_READ = 64 * _BLOCK  # samples read at a time
_OGG_SERIAL = 1
_VORBIS_HEADER_WITHIN = 1 << 16  # bytes; it stands in the first page of an Ogg file, in the head of a WebM file
_WAV_SUFFIXES = (".wav", ".wave")
_DTYPES: Mapping[SampleFormat, np.dtype[Any]] = {
    "s16": np.dtype(np.int16),
    "s32": np.dtype(np.int32),
    "flt": np.dtype(np.float32),
}
_MUXERS = {
    "aac": "adts",
    "mov": "ipod",
}  # FFmpeg's name for what writes a container, where it isn't the container's own
# What FFmpeg's containers say of themselves, whatever they hold: no tags of a recording's.
OWN_TAGS = frozenset(
    {"encoder", "major_brand", "minor_version", "compatible_brands", "handler_name", "language", "duration"}
)
# One layout for each number of channels, so that nothing is ever mixed from one layout to another.
_LAYOUTS = ("", "mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was written.

    Attributes:
        suffix: for the file's name, with its dot; the original's own where it is one that the format goes by.
        codec: as FFmpeg calls it.
        container: as in `Recording.container`.
        note: why the format is not the original's, None where it is.
    """

    suffix: str
    codec: str
    container: str
    note: str | None


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a codec is written.

    Attributes:
        suffixes: for each container that the codec can be written to, the suffixes that it goes by. A codec that came
            in any other container is written to the first.
        max_channels: with more the recording is written as WAV.
        feed: format of the samples that the encoder is fed, interleaved; None for the recording's own.
        encoder: FFmpeg's name for it; empty where libsndfile encodes.
        planar: whether FFmpeg's encoder works on one plane a channel.
        frame: samples in a frame, where the format can't state its length and so a count of frames must be kept to.
        drop_packets: packets at the start that hold nothing but the encoder's delay, where the format can't say so.
        advance: samples of delay to take out at the start, where they are less than a frame.
    """

    suffixes: Mapping[str, tuple[str, ...]]
    max_channels: int
    feed: SampleFormat | None
    encoder: str
    planar: bool = False
    frame: int = 0
    drop_packets: int = 0
    advance: int = 0


_RECIPES: Mapping[str, _Recipe] = {
    "mp3": _Recipe({"mp3": (".mp3",)}, 2, "flt", "libmp3lame", planar=True),
    "opus": _Recipe({"ogg": (".opus", ".ogg", ".oga"), "webm": (".webm",)}, 8, "flt", "libopus"),
    # With more channels AAC makes one of them a subwoofer's. FFmpeg's encoder is one frame of 1024 samples late.
    "aac": _Recipe({"mov": (".m4a", ".mp4")}, 2, "flt", "aac", planar=True),
    "flac": _Recipe({"flac": (".flac",), "ogg": (".oga", ".ogg")}, 8, None, "flac"),
    "alac": _Recipe({"mov": (".m4a", ".mp4")}, 2, None, "alac", planar=True),
    # The encoder looks 5 ms ahead (3GPP TS 26.071), the decoder plays as much later.
    "amr_nb": _Recipe({"amr": (".amr",)}, 1, "s16", "libopencore_amrnb", frame=160, advance=40),
    # With more channels libsndfile and FFmpeg disagree on their order.
    "vorbis": _Recipe({"ogg": (".ogg", ".oga")}, 2, "flt", ""),
    "gsm_ms": _Recipe({"wav": _WAV_SUFFIXES}, 1, "s16", ""),
}
_ADTS = _Recipe({"aac": (".aac",)}, 2, "flt", "aac", planar=True, frame=1024, drop_packets=1)

_BIT_RATE_A_CHANNEL = 32_000  # where the original's rate is not known
_LEAST_BIT_RATE_A_CHANNEL = {"aac": 16_000, "opus": 16_000}  # a rate averaged over silence says little about speech
# Bit rates in kbit/s of MPEG 1 layer III, and of MPEG 2 and 2.5 (ISO/IEC 11172-3 and 13818-3); LAME ends 2.5 at 64.
_MP3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_LOW_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_AMR_BPS = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)  # 3GPP TS 26.071


def encode(
    recording: Recording,
    source: BinaryIO | Path,
    masked: Signal,
    spans_by_channel: Sequence[Sequence[Span]],
    out: BinaryIO,
) -> Encoded:
    """Write the masked recording.

    Args:
        recording: the facts about the original.
        source: the original file, read where its own bytes are copied.
        masked: the masked sound, of the recording's sample format.
        spans_by_channel: for each channel the spans `[first, last)`, in samples, in which `masked` differs from the
            original: all that must not be copied.
        out: a seekable file, read and written from its current position on. Whatever its writes raise is passed on.

    Returns:
        What was written.

    Raises:
        InputRejected: the original can't be read any more.
        ValueError: `masked` or `spans_by_channel` are not of the recording's shape.
    """
    shape = recording.channels, recording.samples
    if (masked.channels, masked.samples) != shape or len(spans_by_channel) != recording.channels:
        raise ValueError("the masked sound is not of the recording's shape")
    own_suffix = source.suffix.lower() if isinstance(source, Path) else ""
    if recording.container == "wav" and recording.codec in wav.CODECS:
        if _copied(recording, source, masked, spans_by_channel, out):
            return Encoded(_one_of(_WAV_SUFFIXES, own_suffix), recording.codec, "wav", None)
        why = "the file's own samples could not be copied"
    else:
        recipe = _ADTS if recording.container == "aac" else _RECIPES.get(recording.codec)
        if recipe is None:
            why = f"there is no encoder here for {recording.codec}"
        elif recording.channels > recipe.max_channels:
            why = f"{recording.codec} of {recording.channels} channels can't be written here"
        elif _recoded(recipe, recording, source, masked, out):
            container = _container(recipe, recording)
            suffix = _one_of(recipe.suffixes[container], own_suffix)
            moved = f"{recording.codec} is written as {suffix} here, not to {recording.container}"
            return Encoded(suffix, recording.codec, container, None if container == recording.container else moved)
        else:
            why = f"no encoder here takes {recording.codec} of this sample rate"
    wav.write_pcm16(_blocks(masked, "s16"), *shape, recording.sample_rate, out)
    return Encoded(".wav", "pcm_s16le", "wav", f"written as WAV, PCM 16 bit: {why}")


def _one_of(suffixes: Sequence[str], own: str) -> str:
    return own if own in suffixes else suffixes[0]


def _container(recipe: _Recipe, recording: Recording) -> str:
    return recording.container if recording.container in recipe.suffixes else next(iter(recipe.suffixes))


def _copied(
    recording: Recording,
    source: BinaryIO | Path,
    masked: Signal,
    spans_by_channel: Sequence[Sequence[Span]],
    out: BinaryIO,
) -> bool:
    """Copy the WAV's own bytes, or leave `out` as it was and return False where they are not what was decoded."""
    at = out.tell()
    with wav.opened(source) as file:
        sound = wav.locate(file)
        if (
            sound is not None
            and (sound.codec, sound.sample_rate) == (recording.codec, recording.sample_rate)
            and wav.copy_masked(sound, file, masked, spans_by_channel, out)
        ):
            return True
    out.seek(at)
    out.truncate()
    return False


def _recoded(recipe: _Recipe, recording: Recording, source: BinaryIO | Path, masked: Signal, out: BinaryIO) -> bool:
    """Encode, or leave `out` as it was and return False where the libraries refuse."""
    at = out.tell()
    sample_format = recipe.feed or recording.sample_format
    if recording.codec == "vorbis":
        done = _vorbis(recording, source, _blocks(masked, sample_format), out)
    elif recording.codec == "gsm_ms":
        done = _by_libsndfile(recording, _blocks(masked, sample_format), out, format="WAV", subtype="GSM610")
    else:
        options = {"flags": "+bitexact"}
        if recording.codec == "opus" and recording.channels > 2:
            options["mapping_family"] = "255"  # channels without loudspeakers: else FFmpeg reorders five and seven
        if recording.codec == "flac" and sample_format == "s32" and any(np.any(b & 0xFF) for _, b in blocks(masked)):
            options["strict"] = "experimental"  # which is what FFmpeg calls FLAC of more than 24 bit
        done = _by_ffmpeg(recipe, recording, options, _blocks(masked, sample_format, recipe.advance), out)
    if not done:
        out.seek(at)
        out.truncate()
    return done


def _by_ffmpeg(
    recipe: _Recipe, recording: Recording, options: dict[str, str], blocks: Iterator[NDArray[Any]], out: BinaryIO
) -> bool:
    import av

    file = Spared(out)
    container_name = _container(recipe, recording)
    muxer = _MUXERS.get(container_name, container_name)
    muxer_options = {"fflags": "+bitexact"} | ({"id3v2_version": "0"} if muxer == "mp3" else {})
    try:
        with av.open(file, "w", format=muxer, options=muxer_options) as container:
            stream = container.add_stream(recipe.encoder, rate=recording.sample_rate, options=options)
            context = stream.codec_context
            context.format = (recipe.feed or recording.sample_format) + "p" * recipe.planar
            context.layout = _LAYOUTS[recording.channels]
            context.thread_count = 1
            if bit_rate := _bit_rate(recording):
                context.bit_rate = bit_rate
            wanted = -(-recording.samples // recipe.frame) if recipe.frame else None
            packets = _packets(stream, recording, recipe.feed or recording.sample_format, blocks)
            for number, packet in enumerate(packets, start=-recipe.drop_packets):
                if number >= 0 and (wanted is None or number < wanted):
                    container.mux(packet)
                    file.raise_failure()
    except (av.FFmpegError, av.codec.codec.UnknownCodecError):  # PyAV's wheels differ in the encoders they bring
        file.raise_failure()
        return False
    file.raise_failure()
    return True


def _packets(
    stream: Any, recording: Recording, sample_format: SampleFormat, blocks: Iterator[NDArray[Any]]
) -> Iterator[Any]:
    """Interleaved frames in, packets out. Frames of planes won't do: PyAV crashes where there are eight of them."""
    import av

    at = 0
    for block in blocks:
        interleaved = np.ascontiguousarray(block.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format=sample_format, layout=_LAYOUTS[recording.channels])
        frame.sample_rate = recording.sample_rate
        frame.time_base = Fraction(1, recording.sample_rate)
        frame.pts = at
        at += block.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _vorbis(recording: Recording, source: BinaryIO | Path, blocks: Iterator[NDArray[Any]], out: BinaryIO) -> bool:
    """At the highest compression whose nominal bit rate is not below the original's."""
    with wav.opened(source) as file, wav.reading():
        file.seek(0)
        wanted = _nominal_bit_rate(file.read(_VORBIS_HEADER_WITHIN)) or _bit_rate(recording)
    for tenths in range(10, -1, -1):
        kind = {"format": "OGG", "subtype": "VORBIS", "compression_level": tenths / 10}
        probe = io.BytesIO()
        if not _by_libsndfile(recording, iter([np.zeros((recording.channels, 1), np.float32)]), probe, **kind):
            return False
        if _nominal_bit_rate(probe.getvalue()) >= 0.95 * wanted:
            break
    at = out.tell()
    if not _by_libsndfile(recording, blocks, out, **kind):
        return False
    out.seek(at)
    ogg.set_serial(out, _OGG_SERIAL)
    return True


def _nominal_bit_rate(data: bytes) -> int:
    """What the identification header states (Vorbis I specification, section 4.2.2); 0 where it doesn't."""
    header = data.find(b"\x01vorbis")
    stated = int.from_bytes(data[header + 20 : header + 24], "little", signed=True) if header >= 0 else 0
    return max(stated, 0)


def _by_libsndfile(recording: Recording, blocks: Iterator[NDArray[Any]], out: BinaryIO, **kind: Any) -> bool:
    import soundfile

    spared = Spared(out)
    try:
        with soundfile.SoundFile(spared, "w", recording.sample_rate, recording.channels, **kind) as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block.T))
                spared.raise_failure()
    except soundfile.LibsndfileError:
        spared.raise_failure()
        return False
    spared.raise_failure()
    return True


def _bit_rate(recording: Recording) -> int:
    """The bit rate to ask the encoder for, in bits a second; 0 where there is nothing to ask."""
    rate = recording.bit_rate or _BIT_RATE_A_CHANNEL * recording.channels
    match recording.codec:
        case "flac" | "alac":
            return 0
        case "mp3":
            table = [kbps * 1000 for kbps in (_MP3_KBPS if recording.sample_rate >= 32_000 else _MP3_LOW_KBPS)]
            return _nearest(table[:8] if recording.sample_rate < 16_000 else table, rate)
        case "amr_nb":
            return _nearest(_AMR_BPS, rate - 400)  # in a file each frame of 20 ms has a byte more
        case codec:
            least = _LEAST_BIT_RATE_A_CHANNEL.get(codec, 0)
            return min(max(rate, least * recording.channels), 256_000 * recording.channels)


def _nearest(table: Sequence[int], rate: int) -> int:
    return min(table, key=lambda entry: abs(entry - rate))


def _blocks(signal: Signal, sample_format: SampleFormat, advance: int = 0) -> Iterator[NDArray[Any]]:
    """The sound in blocks, without its first `advance` samples, and so many zeros at its end."""
    skipped = min(advance, signal.samples)
    for first in range(skipped, signal.samples, _READ):
        read = _converted(signal.read(first, first + _READ), sample_format)
        for start in range(0, read.shape[1], _BLOCK):
            yield read[:, start : start + _BLOCK]
    if skipped:
        yield np.zeros((signal.channels, skipped), _DTYPES[sample_format])


def _converted(pcm: NDArray[Any], sample_format: SampleFormat) -> NDArray[Any]:
    """Samples in another format: floats are full scale at 1, integers at their own limits."""
    wanted = _DTYPES[sample_format]
    if pcm.dtype == wanted:
        return pcm
    result = pcm.astype(np.float64) * (_full_scale(wanted) / _full_scale(pcm.dtype))
    if wanted.kind == "i":
        result = np.clip(np.rint(result), -_full_scale(wanted), _full_scale(wanted) - 1)
    return result.astype(wanted)


def _full_scale(dtype: np.dtype[Any]) -> float:
    return 2.0 ** (8 * dtype.itemsize - 1) if dtype.kind == "i" else 1.0
