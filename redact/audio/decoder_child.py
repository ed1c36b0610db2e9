"""The child process that decodes: the only place where FFmpeg meets an input file.

The file comes as standard input, already open; its path is never known here. Records go to standard output, each
with a letter and its length: `H` facts known before decoding (JSON), `D` interleaved samples, `T` facts known after
it (JSON), `E` why the file is unfit (JSON: a reason and figures, never text of the file). Once the libraries are
loaded the process gives up the network, further files, and more than its share of memory and time.
"""

import hashlib
import io
import json
import mmap
import os
import struct
import sys
from typing import Any

import av
import numpy as np

from redact.audio import sandbox
from redact.audio.sniff import Kind, Stated, UnfitError, sniff
from redact.audio.wholeness import check_structure

# Frames are sent on in blocks of at least so many bytes.
_BLOCK_BYTES = 1 << 20
# A single jump of the time stamps by more than this is a gap. Browsers' recorders waver by some tens of milliseconds.
_JUMP_S = 0.1
_PLANES_OF_A_FRAME = 8  # AV_NUM_DATA_POINTERS
_SAMPLE_FORMATS = {"u8": "s16", "s16": "s16", "s32": "s32", "flt": "flt", "dbl": "flt"}
_DTYPES: dict[str, Any] = {"s16": np.dtype("<i2"), "s32": np.dtype("<i4"), "flt": np.dtype("<f4")}
_LOSSLESS = frozenset({"flac", "alac"})
# FFmpeg's own AMR decoders don't know frames of comfort noise, which phones write in pauses.
_BETTER_DECODERS = {"amr_nb": "libopencore_amrnb", "amr_wb": "libopencore_amrwb"}
_DECODERS = (
    "aac,alac,amrnb,amrwb,flac,gsm_ms,libopencore_amrnb,libopencore_amrwb,mp3,mp3float,opus,libopus,vorbis,"
    "pcm_alaw,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8"
)
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
# Names of tags may be anybody's text (ID3 and Vorbis comments let users invent them): only these are passed on.
_TAG_NAMES = frozenset(
    {
        "album",
        "album_artist",
        "artist",
        "coding_history",
        "comment",
        "compatible_brands",
        "composer",
        "copyright",
        "creation_time",
        "date",
        "description",
        "disc",
        "duration",
        "encoded_by",
        "encoder",
        "filename",
        "genre",
        "handler_name",
        "language",
        "location",
        "lyrics",
        "major_brand",
        "make",
        "minor_version",
        "model",
        "originator",
        "originator_reference",
        "origination_date",
        "origination_time",
        "performer",
        "publisher",
        "software",
        "synopsis",
        "time_reference",
        "title",
        "track",
        "umid",
        "vendor_id",
    }
)


def main(options: dict[str, float]) -> None:
    """Decode standard input onto standard output.

    Args:
        options: `cpu_s`, `memory_bytes` (beyond what is in use when decoding starts), `max_duration_s`,
            `max_channels`, `max_pcm_bytes`.
    """
    try:
        sandbox.die_with_parent()
        load_libraries()
        size = os.fstat(0).st_size
        if size == 0:
            raise UnfitError("empty")
        with mmap.mmap(0, size, prot=mmap.PROT_READ) as data, open(0, "rb", buffering=0, closefd=False) as source:
            sandbox.enter(int(options["cpu_s"]), int(options["memory_bytes"]))
            _Decoding(data, options).run(source)
    except UnfitError as unfit:
        _send(b"E", json.dumps({"reason": unfit.reason, "figures": unfit.figures}).encode())
    except MemoryError:
        _send(b"E", json.dumps({"reason": "memory", "figures": {}}).encode())
    except BrokenPipeError:
        pass  # the parent has gone or has had enough
    except Exception:  # whatever a decoder trips over, it is the file that is at fault
        _send(b"E", json.dumps({"reason": "damaged", "figures": {}}).encode())


def load_libraries() -> None:
    """Decode a few samples of silence, so that what PyAV imports on its way is loaded before files are out of reach."""
    format_chunk = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + format_chunk + b"data" + struct.pack("<I", 16) + bytes(16)
    silence = io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)
    with av.open(silence, "r", format="wav") as container:
        for frame in container.decode(audio=0):
            frame.to_ndarray()


def _send(letter: bytes, content: bytes | memoryview) -> None:
    for part in (letter + struct.pack("<I", len(content)), content):
        left = memoryview(part)
        while left:
            left = left[os.write(1, left) :]


def _no_further_files(*_: object, **__: object) -> None:
    raise PermissionError


class _UpTo:
    """A file that ends where its sound does: FFmpeg takes some of the tags that follow for frames."""

    def __init__(self, file: io.FileIO, end: int) -> None:
        self._file, self._end = file, end

    def read(self, size: int) -> bytes:
        return self._file.read(max(0, min(size, self._end - self._file.tell())))

    def seek(self, to: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(to + self._end, os.SEEK_SET) if whence == os.SEEK_END else self._file.seek(to, whence)

    def tell(self) -> int:
        return self._file.tell()


class _Decoding:
    """One file on its way to samples."""

    def __init__(self, data: mmap.mmap, options: dict[str, float]) -> None:
        self._data = data
        self._options = options
        self._rate = self._channels = 0
        self._format = ""
        self._samples = 0
        self._packet_bytes = 0
        self._pending: list[Any] = []
        self._pending_samples = 0
        self._first_s: float | None = None
        self._drift_s = 0.0
        self._md5 = hashlib.md5(usedforsecurity=False)  # the digest that FLAC itself carries
        self._stated = Stated()
        self._interleaver: Any = None

    def run(self, source: io.FileIO) -> None:
        """Check the structure of what was mapped, then decode the same file from its beginning."""
        kind = sniff(self._data)
        self._stated = check_structure(self._data, kind)
        source.seek(0)
        container = self._open(source if self._stated.end is None else _UpTo(source, self._stated.end), kind)
        stream = self._stream(container, kind)
        decoder = self._decoder(stream)
        # A WAV's last packet is short where the file was streamed, which FFmpeg calls corrupt.
        may_be_short = kind.demuxer == "wav"
        for packet in container.demux(stream):
            if packet.is_corrupt and not may_be_short:
                raise UnfitError("damaged")
            self._packet_bytes += packet.size
            for frame in decoder.decode(packet if packet.size else None):
                if self._samples == 0:
                    self._begin(container, stream, kind, frame)
                self._take(frame)
        self._finish(container, stream, kind)

    def _open(self, source: Any, kind: Kind) -> Any:
        av.logging.set_level(av.logging.PANIC)
        options = {
            **_STRICT,
            "format_whitelist": kind.demuxer
            if kind.demuxer not in ("mov", "matroska")
            else av.ContainerFormat(kind.demuxer).name,
            "protocol_whitelist": "pipe",
            "codec_whitelist": _DECODERS,
        }
        if kind.demuxer == "wav":
            options["max_size"] = "65536"  # bytes in a packet; the default is a few milliseconds
        try:
            return av.open(
                source,
                "r",
                format=kind.demuxer,
                container_options=options,
                metadata_errors="replace",
                io_open=_no_further_files,
            )
        except av.error.DecoderNotFoundError:
            raise UnfitError("codec") from None

    def _stream(self, container: Any, kind: Kind) -> Any:
        if not container.streams.audio:
            raise UnfitError("no_audio_stream")
        stream = container.streams.audio[0]
        context = stream.codec_context
        if context is None or context.codec.canonical_name not in kind.codecs:
            raise UnfitError("codec")
        if context.channels > self._options["max_channels"]:
            raise UnfitError("too_many_channels", channels=context.channels)
        if self._stated.seconds is not None and self._stated.seconds > self._options["max_duration_s"]:
            raise UnfitError("too_long", seconds=self._stated.seconds)
        return stream

    def _decoder(self, stream: Any) -> Any:
        decoder = stream.codec_context
        better = _BETTER_DECODERS.get(decoder.codec.canonical_name)
        if better in av.codecs_available:
            decoder = av.CodecContext.create(better, "r")
        decoder.options = _STRICT
        decoder.thread_count = 1
        return decoder

    def _begin(self, container: Any, stream: Any, kind: Kind, frame: Any) -> None:
        """The first frame tells what the sound is; the stream's parameters are only a promise."""
        self._rate, self._channels = frame.sample_rate, len(frame.layout.channels)
        self._format = frame.format.name
        sample_format = _SAMPLE_FORMATS.get(frame.format.packed.name)
        if sample_format is None:
            raise UnfitError("codec")
        if self._channels > self._options["max_channels"]:
            raise UnfitError("too_many_channels", channels=self._channels)
        if not 1000 <= self._rate <= 768_000:
            raise UnfitError("rate", rate=self._rate)
        header = {
            "container": kind.container,
            "codec": stream.codec_context.codec.canonical_name,
            "sample_rate": self._rate,
            "channels": self._channels,
            "sample_format": sample_format,
            "tags": _tag_names(container),
            "other_streams": len(container.streams) - 1,
        }
        self._sample_format = sample_format
        _send(b"H", json.dumps(header).encode())

    def _take(self, frame: Any) -> None:
        if (frame.sample_rate, len(frame.layout.channels), frame.format.name) != (
            self._rate,
            self._channels,
            self._format,
        ):
            raise UnfitError("changed_format")
        if frame.is_corrupt:
            raise UnfitError("damaged")
        if frame.pts is not None and frame.time_base is not None:
            self._check_clock(float(frame.pts * frame.time_base))
        self._samples += frame.samples
        if self._samples > self._options["max_duration_s"] * self._rate:
            raise UnfitError("too_long", seconds=self._samples / self._rate)
        width = _DTYPES[self._sample_format].itemsize * self._channels
        if self._samples * width > self._options["max_pcm_bytes"]:
            raise UnfitError("too_much_sound")
        self._pending.append(self._interleaved(frame).to_ndarray())
        self._pending_samples += frame.samples
        if self._pending_samples * width >= _BLOCK_BYTES:
            self._flush()

    def _interleaved(self, frame: Any) -> Any:
        """The frame, but not as eight planes: PyAV doesn't see where their list ends, and crashes."""
        if self._channels < _PLANES_OF_A_FRAME or not frame.format.is_planar:
            return frame
        if self._interleaver is None:
            self._interleaver = av.AudioResampler(frame.format.packed.name, frame.layout, frame.sample_rate)
        (packed,) = self._interleaver.resample(frame)
        return packed

    def _check_clock(self, at_s: float) -> None:
        """Time stamps have to run with the samples: where they jump, sound is missing, or was said twice."""
        if self._first_s is None:
            self._first_s = at_s
        elapsed_s = self._samples / self._rate
        drift_s = at_s - self._first_s - elapsed_s
        if abs(drift_s - self._drift_s) > _JUMP_S or abs(drift_s) > tolerance_s(elapsed_s):
            raise UnfitError("gap", at_s=elapsed_s)
        self._drift_s = drift_s

    def _flush(self) -> None:
        """Send what has gathered: interleaved, and finite in every sample."""
        if not self._pending:
            return
        planar = self._pending[0].shape[0] == self._channels
        whole = np.concatenate(self._pending, axis=1)
        samples = whole.T if planar else whole.reshape(-1, self._channels)
        if self._format.startswith("u8"):
            samples = (samples.astype(np.int16) - 128) << 8
        samples = np.ascontiguousarray(samples, dtype=_DTYPES[self._sample_format])
        if self._sample_format == "flt" and not np.isfinite(samples).all():
            np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
        if self._stated.pcm_md5 is not None:
            self._md5.update(_as_flac_hashes(samples, self._stated.pcm_bits))
        self._pending, self._pending_samples = [], 0
        _send(b"D", samples.data.cast("B"))

    def _finish(self, container: Any, stream: Any, kind: Kind) -> None:
        self._flush()
        if self._samples == 0:
            raise UnfitError("no_sound")
        seconds = self._samples / self._rate
        stated_s = self._stated.seconds
        if kind.demuxer == "mov" and stream.duration:
            of_samples_s = float(stream.duration * stream.time_base)
            if stated_s is not None and abs(of_samples_s - stated_s) > tolerance_s(stated_s):
                raise UnfitError("length", stated_s=stated_s, decoded_s=of_samples_s)
            stated_s = of_samples_s
        elif kind.demuxer == "matroska" and len(container.streams) > 1:
            stated_s = None  # of the longest stream, which need not be this one
        begun_s = self._first_s if kind.demuxer == "matroska" and self._first_s else 0.0
        if stated_s is not None and abs(begun_s + seconds - stated_s) > tolerance_s(stated_s):
            raise UnfitError("length", stated_s=stated_s, decoded_s=seconds)
        if self._stated.pcm_md5 is not None and self._md5.digest() != self._stated.pcm_md5:
            raise UnfitError("damaged")
        bit_rate = self._bit_rate(stream.codec_context, seconds)
        _send(b"T", json.dumps({"samples": self._samples, "bit_rate": bit_rate}).encode())

    def _bit_rate(self, context: Any, seconds: float) -> int | None:
        """What the header says where the packets bear it out (a constant rate), else the average of the packets."""
        name = context.codec.canonical_name
        if name in _LOSSLESS or name.startswith("pcm_"):
            return None
        average = self._packet_bytes * 8 / seconds
        stated = context.bit_rate or 0
        return int(stated if abs(stated - average) <= 0.05 * average else average)


def tolerance_s(seconds: float) -> float:
    """How far decoded and stated duration may lie apart, in seconds."""
    return max(0.5, 0.005 * seconds)


def _tag_names(container: Any) -> list[str]:
    names = {name.lower() for source in (container, *container.streams) for name in source.metadata}
    return sorted({name if name in _TAG_NAMES else "other" for name in names})


def _as_flac_hashes(samples: Any, bits: int) -> bytes:
    """The samples as FLAC's digest sees them: right aligned, little endian, in as few whole bytes as they need."""
    held = samples.dtype.itemsize * 8
    width = -(-bits // 8)
    raw = (samples >> (held - bits)).astype(samples.dtype).view(np.uint8)
    return bytes(raw.reshape(-1, held // 8)[:, :width].tobytes())


def run_from_argv() -> None:
    """Entry point: the options are the last argument, as JSON."""
    main(json.loads(sys.argv[-1]))
