"""Makes labelled calls of clips in which people say personal data: each clip is the answer to an agent's question.

    python benchmarks/dialogues.py --clips DIR --out DIR [--seed N]

A clip alone is not a call: nobody asks for anything in it. Here the agent (left) opens the call, asks for what the clip
holds, in one of several wordings, thanks, and closes; the customer (right) is the clip, at its own level. A call has
one or two clips of one voice. The agent's voice is SVOX Pico's (`pico2wave`, from libttspico-utils): Whisper base
follows it, and makes little of espeak-ng's French. What is written is what `redact evaluate` reads: `NAME.wav`, mu-law
at 8 kHz, and `NAME.gold.json`, with each clip's times to the millisecond. The same seed makes the same calls.

DIR holds a `gold.json`, a list with one object a clip; other keys are not read:

    {"file": "one/phone.wav", "lang": "en", "voice": "one", "type": "PHONE_NUMBER", "value": "07700900683",
     "start": 0.5, "end": 7.571, "tokens": [["0", 0.5, 0.9], ["7", 1.0, 1.4]]}

`start` and `end` are where what is personal is heard, in seconds of the clip, and `tokens` its words with theirs. What
is said around it stays in the call, as not personal. `QUESTIONS` has the types and languages.
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from faster_whisper import decode_audio
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Speak = Callable[[str, str], Sound]
"""A text and a Pico voice in, the text as spoken out, at `RATE_HZ`."""

RATE_HZ = 8000
AGENT, CUSTOMER = 0, 1

_MS = RATE_HZ // 1000  # samples; everything is placed and cut at whole milliseconds, so that the labels are exact
_PAUSE_MS = (500, 1000)  # between two turns
_AGENT_RMS = 0.07  # about as loud as people on the line
_LINE_RMS = 0.0008  # noise: no line is silent between two words
_QUIET = 0.003  # of full scale: below this, a sound's edges are silence
_EDGE_MS = 20  # silence left at each edge, for soft consonants

VOICES = {"en": ("en-GB", "en-US"), "fr": ("fr-FR",)}
LABELS = {"POSTCODE": "ADDRESS", "PERSON_SPELLED": "PERSON"}
"""Types of clips that labels of calls have another name for."""

OPENINGS = {
    "en": (
        "Thank you for waiting. I just need to check a few details before we go on.",
        "Right, I can see what happened there. Let me get this sorted out for you.",
        "Good morning, you're through to customer services. I'll be happy to help with that.",
    ),
    "fr": (
        "Merci d'avoir patienté. Je dois vérifier quelques informations avec vous.",
        "D'accord, je vois ce qui s'est passé. Je m'en occupe tout de suite.",
        "Bonjour, vous êtes bien au service clientèle. Je vais vous aider.",
    ),
}
THANKS = {
    "en": ("Thank you.", "Perfect, thanks very much.", "Lovely, I've made a note of that."),
    "fr": ("Merci.", "Très bien, merci beaucoup.", "Parfait, c'est noté."),
}
CLOSINGS = {
    "en": (
        "That's all done for you now. Is there anything else I can help you with today?",
        "You should get a letter about it in a few days. Enjoy the rest of your afternoon.",
        "It has been raining here all day, I hope the weather is better where you are. Goodbye then.",
    ),
    "fr": (
        "Tout est en ordre maintenant. Est-ce que je peux faire autre chose pour vous ?",
        "Vous recevrez un courrier dans quelques jours. Je vous souhaite une bonne fin de journée.",
        "Il pleut ici depuis ce matin, j'espère qu'il fait meilleur chez vous. Au revoir.",
    ),
}
QUESTIONS = {
    ("en", "CREDIT_CARD"): (
        "Could I take the long number on the front of your card?",
        "What is the card number, please?",
        "Whenever you're ready, read me the sixteen digits of your card.",
    ),
    ("en", "CVV"): (
        "And the last three digits on the back of the card, please?",
        "Could you read me the security code on the back of your card?",
        "What is the security code?",
    ),
    ("en", "PHONE_NUMBER"): (
        "What's the best phone number to reach you on?",
        "Could I take a contact number for you, please?",
        "Can you confirm the mobile number on your account?",
    ),
    ("en", "GOVERNMENT_ID"): (
        "Could you give me your social security number, please?",
        "What is your social security number?",
        "I also need your tax identification number.",
    ),
    ("en", "POSTCODE"): (
        "What's your postcode?",
        "Could I have the postcode of your address, please?",
    ),
    ("en", "PERSON_SPELLED"): (
        "Could you spell your last name for me?",
        "How do you spell your name?",
    ),
    ("en", "DATE_OF_BIRTH"): (
        "What's your date of birth?",
        "Could you confirm your date of birth for me, please?",
    ),
    ("fr", "CREDIT_CARD"): (
        "Pouvez-vous me donner le numéro de votre carte bancaire, s'il vous plaît ?",
        "Quels sont les seize chiffres qui figurent sur votre carte ?",
        "Je vous écoute pour le numéro de la carte.",
    ),
    ("fr", "CVV"): (
        "Et les trois chiffres au dos de la carte ?",
        "Pouvez-vous me donner le cryptogramme de votre carte ?",
    ),
    ("fr", "PHONE_NUMBER"): (
        "Quel est votre numéro de téléphone ?",
        "À quel numéro est-ce que je peux vous joindre ?",
        "Pouvez-vous me confirmer votre numéro de portable ?",
    ),
    ("fr", "GOVERNMENT_ID"): (
        "Quel est votre numéro de sécurité sociale ?",
        "Il me faudrait aussi votre numéro de sécurité sociale, s'il vous plaît.",
        "Pouvez-vous me lire le numéro de sécurité sociale sur votre carte vitale ?",
    ),
    ("fr", "POSTCODE"): (
        "Quel est votre code postal ?",
        "Pouvez-vous me rappeler le code postal de votre adresse ?",
    ),
    ("fr", "PERSON_SPELLED"): (
        "Pouvez-vous épeler votre nom de famille ?",
        "Comment est-ce que votre nom s'écrit ?",
        "Est-ce que vous pouvez m'épeler votre nom, s'il vous plaît ?",
    ),
    ("fr", "DATE_OF_BIRTH"): (
        "Quelle est votre date de naissance ?",
        "Pouvez-vous me confirmer votre date de naissance ?",
    ),
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording of one voice, and the times in it between which `value` is said, from `start_ms` to `end_ms`."""

    path: Path
    language: str
    voice: str
    type: str
    text: str
    value: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """A made call: its sound, of shape (samples, 2) at `RATE_HZ`, and what lies beside it as `NAME.gold.json`."""

    sound: Sound
    gold: dict[str, Any]


def read_clips(folder: Path) -> list[Clip]:
    """Reads the folder's `gold.json`.

    Raises:
        SystemExit: no question asks for a clip's type in its language.
    """
    clips = []
    for raw in json.loads((folder / "gold.json").read_text(encoding="utf-8")):
        if (raw["lang"], raw["type"]) not in QUESTIONS:
            sys.exit(f"{raw['file']}: no question asks for {raw['type']} in {raw['lang']!r}; see QUESTIONS")
        text = " ".join(token for token, *_ in raw["tokens"])
        start_ms, end_ms = (round(raw[edge] * 1000) for edge in ("start", "end"))
        path = folder / raw["file"]
        clips.append(Clip(path, raw["lang"], raw["voice"], raw["type"], text, raw["value"], start_ms, end_ms))
    return clips


def make_calls(clips: Iterable[Clip], seed: int, speak: Speak) -> Iterator[tuple[str, Call]]:
    """Each call with its name; a voice's clips are shuffled, then one or two of them go into each call."""

    def by_voice(clip: Clip) -> tuple[str, str]:
        return clip.language, clip.voice

    for (language, voice), group in groupby(sorted(clips, key=by_voice), key=by_voice):
        name = re.sub(r"\W+", "-", f"{language}-{voice}")
        rng = random.Random(f"{seed}/{name}")  # noqa: S311 - it has to give the same again
        left = list(group)
        rng.shuffle(left)
        number = 0
        while left:
            count = rng.choice((1, 2))
            answers, left = left[:count], left[count:]
            number += 1
            yield f"{name}-{number}", make_call(f"{name}-{number}.wav", answers, rng, speak)


def make_call(audio: str, clips: list[Clip], rng: random.Random, speak: Speak) -> Call:
    """One call in which each clip answers a question; `audio` is the name that the labels give its recording."""
    language = clips[0].language
    voice = rng.choice(VOICES[language])
    placed: list[tuple[int, int, Sound]] = []
    items: list[dict[str, Any]] = []
    at_ms = 0

    def place(channel: int, sound: Sound) -> int:
        nonlocal at_ms
        start_ms = at_ms + rng.randint(*_PAUSE_MS)
        placed.append((channel, start_ms * _MS, sound))
        at_ms = start_ms - (-len(sound) // _MS)
        return start_ms

    def ask(texts: tuple[str, ...]) -> None:
        said = trimmed(speak(rng.choice(texts), voice))[0]
        place(AGENT, said * np.float32(_AGENT_RMS / np.sqrt((said**2).mean())))

    ask(OPENINGS[language])
    for clip in clips:
        ask(QUESTIONS[language, clip.type])
        answer, cut_ms = trimmed(_decoded(clip.path))
        moved_ms = place(CUSTOMER, answer) - cut_ms
        times = {"start": (clip.start_ms + moved_ms) / 1000, "end": (clip.end_ms + moved_ms) / 1000}
        label = LABELS.get(clip.type, clip.type)
        items.append({"type": label, "text": clip.text, "value": clip.value, "channel": CUSTOMER, **times})
        ask(THANKS[language])
    ask(CLOSINGS[language])
    duration_ms = at_ms + _PAUSE_MS[0]
    sound = np.random.default_rng(rng.getrandbits(32)).normal(0, _LINE_RMS, (duration_ms * _MS, 2)).astype(np.float32)
    for channel, first, said in placed:
        sound[first : first + len(said), channel] += said
    return Call(sound, {"audio": audio, "language": language, "duration": duration_ms / 1000, "pii": items})


def trimmed(sound: Sound) -> tuple[Sound, int]:
    """The sound without the silence at its edges, and how many milliseconds went from its beginning."""
    loud = np.flatnonzero(np.abs(sound) > _QUIET)
    first_ms = max(0, int(loud[0]) // _MS - _EDGE_MS)
    return sound[first_ms * _MS : int(loud[-1]) + _EDGE_MS * _MS], first_ms


@cache
def pico(text: str, voice: str) -> Sound:
    """The text as Pico says it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["pico2wave", "-l", voice, "-w", path, text], check=True)  # noqa: S607
        return _decoded(path)


def _decoded(path: Path) -> Sound:
    sound: Sound = decode_audio(str(path), sampling_rate=RATE_HZ)
    return sound


def main() -> None:
    """Make the calls and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if shutil.which("pico2wave") is None:
        sys.exit("pico2wave is missing: it speaks the agent's turns")
    options.out.mkdir(parents=True, exist_ok=True)
    calls = items = 0
    for name, call in make_calls(read_clips(options.clips), options.seed, pico):
        soundfile.write(options.out / call.gold["audio"], call.sound, RATE_HZ, subtype="ULAW")
        text = json.dumps(call.gold, ensure_ascii=False, indent=1)
        (options.out / f"{name}.gold.json").write_text(text + "\n", encoding="utf-8")
        calls, items = calls + 1, items + len(call.gold["pii"])
    print(f"{calls} calls with {items} items in {options.out}")


if __name__ == "__main__":
    main()
