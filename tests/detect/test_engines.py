"""Neural engines: tiny models made here, loaded from folders as real ones are; and what is said when they can't be."""

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact.detect import engines
from redact.detect.engines import MissingExtra, Settings, Span, check_folder, fitting, load, require, windowed
from redact.detect.recognizers import read
from redact.errors import ModelMissing, PolicyError

WORDS = ["my", "name", "is", "ada", "quill", "and", "i", "live", "in", "redacton", ".", ","]


def absent(*names):
    """The import system without some libraries, which may be installed here or not."""
    real = importlib.util.find_spec
    return lambda name, *rest: None if name in names else real(name, *rest)


@pytest.mark.parametrize("kind", ["transformers", "gliner"])
def test_a_missing_extra_is_told_with_the_command_that_installs_it(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(importlib.util, "find_spec", absent(kind, "torch"))
    with pytest.raises(MissingExtra, match=f"{kind} and torch is not installed") as caught:
        require(kind)
    assert caught.value.hint == f'pip install "callredact[{kind}]"'
    assert caught.value.exit_code == 4
    with pytest.raises(MissingExtra):
        load(Settings(kind, tmp_path, {"PER": "PERSON"}, 0.3))


@pytest.mark.parametrize("kind", ["transformers", "gliner"])
def test_a_folder_that_is_not_whole_names_what_it_lacks(tmp_path, kind):
    for names in engines._FILES[kind]:
        with pytest.raises(ModelMissing, match=names[0]) as caught:
            check_folder(kind, tmp_path)
        assert "not fetched" in caught.value.hint
        (tmp_path / names[0]).touch()
    check_folder(kind, tmp_path)


def test_weights_that_can_run_code_are_not_enough(tmp_path):
    for name in ("config.json", "tokenizer.json", "pytorch_model.bin"):
        (tmp_path / name).touch()
    with pytest.raises(ModelMissing, match="safetensors"):
        check_folder("transformers", tmp_path)


@given(st.lists(st.sampled_from(["a", "bc", "-", ".", "é"]), max_size=80), st.integers(1, 20))
def test_windows_cover_every_word_and_keep_to_their_size(words, size):
    text = " ".join(words)
    covered = set()
    for offset, part in windowed(text, size):
        assert text[offset : offset + len(part)] == part
        assert len(list(engines._WORD.finditer(part))) <= size
        covered |= set(range(offset, offset + len(part)))
    assert all(place in covered for place, character in enumerate(text) if character != " ")


@given(st.lists(st.sampled_from(["a", "bbbbbbb", "-"]), min_size=1, max_size=60), st.integers(1, 20))
def test_windows_that_do_not_fit_are_made_smaller(words, size):
    text = " ".join(words)
    windows = list(fitting(text, size, lambda part: len(part) <= 10))
    covered = {place for offset, part in windows for place in range(offset, offset + len(part))}
    assert all(text[offset : offset + len(part)] == part for offset, part in windows)
    assert all(len(part) <= 10 for _, part in windows)
    assert all(place in covered for place, character in enumerate(text) if character != " ")


def wordpiece(folder):
    """A tokenizer of whole words, saved to a folder; the number of its words."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {token: number for number, token in enumerate([*special, *WORDS])}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "[UNK]"))
    made.normalizer = tokenizers.normalizers.Lowercase()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = {f"{token.strip('[]').lower()}_token": token for token in special}
    transformers.PreTrainedTokenizerFast(tokenizer_object=made, **named).save_pretrained(folder)
    return len(vocabulary)


def tiny_bert(folder, label):
    """A token classifier of a few hundred weights that calls every word the same."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    size = wordpiece(folder)
    labels = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=34, id2label=labels, label2id={name: number for number, name in labels.items()},
    )  # fmt: skip
    model = transformers.BertForTokenClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        model.classifier.bias[label] = 9.0
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def test_a_transformers_model_reads_a_turn_to_its_end(tmp_path):
    settings = Settings("transformers", tiny_bert(tmp_path, 2), {"PER": "PERSON"}, 0.3)
    text = "my name is ada quill and i live in redacton " * 12  # far more than the model's 32 tokens
    found, nothing, again = load(settings).find([text, " ", "ada"])
    assert nothing == ()
    covered = {place for span in found for place in range(span.start, span.end)}
    assert all(place in covered for place, character in enumerate(text) if character != " ")
    (span,) = again
    assert (span.start, span.end, span.label) == (0, 3, "PER")
    assert span.score > 0.9


@pytest.mark.parametrize(("label", "threshold"), [(0, 0.3), (3, 0.3), (2, 1.0)])
def test_other_labels_and_low_scores_are_left_out(tmp_path, label, threshold):
    settings = Settings("transformers", tiny_bert(tmp_path, label), {"PER": "PERSON"}, threshold)
    assert load(settings).find(["my name is ada quill"]) == [()]


def test_a_model_without_the_labels_that_are_asked_for_is_refused(tmp_path):
    with pytest.raises(PolicyError, match="none of the labels") as caught:
        load(Settings("transformers", tiny_bert(tmp_path, 2), {"name": "PERSON"}, 0.3))
    assert "LOC, PER" in caught.value.hint


@pytest.mark.parametrize("kind", ["transformers", "gliner"])
def test_a_broken_model_is_told_by_its_folder(tmp_path, kind):
    pytest.importorskip("torch")
    pytest.importorskip(kind)
    for names in engines._FILES[kind]:
        (tmp_path / names[0]).write_text("{}")
    with pytest.raises(ModelMissing, match="can't be loaded") as caught:
        load(Settings(kind, tmp_path, {"person": "PERSON"}, 0.3))
    assert str(tmp_path) in caught.value.message


def tiny_gliner(folder):
    """A GLiNER of a few thousand random weights, made and saved without a network."""
    torch = pytest.importorskip("torch")
    gliner = pytest.importorskip("gliner")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    backbone = folder / "backbone"
    size = wordpiece(backbone)
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=512,
    )  # fmt: skip
    config.save_pretrained(backbone)
    wanted = gliner.GLiNERConfig(
        model_name=str(backbone), hidden_size=16, max_width=4, max_len=40, num_rnn_layers=0, dropout=0.0,
        fine_tune=True, subtoken_pooling="first", span_mode="markerV0",
    )  # fmt: skip
    model = gliner.GLiNER.from_config(wanted, backbone_from_pretrained=False, local_files_only=True)
    model.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def test_a_gliner_model_is_loaded_from_its_folder_and_reads_a_turn_to_its_end(tmp_path):
    folder = tiny_gliner(tmp_path)
    engine = load(Settings("gliner", folder, {"person": "PERSON", "town": "LOCATION"}, 0.0, several=True, flat=False))
    text = ". ".join(["my name is ada quill and i live in redacton"] * 12)
    found, nothing = engine.find([text, ""])
    assert nothing == ()
    assert {span.label for span in found} == {"person", "town"}
    assert all(0 <= span.start < span.end <= len(text) and 0 <= span.score <= 1 for span in found)
    assert len(found) == len(set(found))
    # With no threshold each word is in some span: none is beyond a window's end.
    covered = {place for span in found for place in range(span.start, span.end)}
    assert all(place in covered for place, character in enumerate(text) if character != " ")
    assert load(Settings("gliner", folder, {"person": "PERSON"}, 1.0)).find([text]) == [()]


def test_an_engine_of_a_recognizers_file_finds_in_views(tmp_path):
    pytest.importorskip("spacy")
    from redact.detect.presidio import Presidio
    from redact.detect.spoken.base import load as language
    from redact.models import locate
    from redact.views import ViewBuilder

    tiny_bert(tmp_path / "ner", 2)
    file = tmp_path / "own.yaml"
    file.write_text(
        "recognizers:\n  - {name: Tiny, type: predefined, class_name: HuggingFaceNerRecognizer, model_name: ner,"
        " label_mapping: {PER: PATIENT}, view: transcribed}\n"
    )
    view = ViewBuilder("transcribed")
    for index, word in enumerate(["i", "live", "in", "redacton"]):
        view.add(word, (index,))
    built = view.build()
    try:
        model = locate("en_core_web_sm", engine="spacy").path
    except ModelMissing:
        pytest.skip("needs the models extra")
    found = Presidio(language("en"), model, recognizers=read([file])).find([built], [built])
    (tiny,) = [finding for finding in found if finding.recognizer == "Tiny"]
    assert (tiny.entity_type, tiny.words, tiny.view) == ("PATIENT", (0, 1, 2, 3), "transcribed")
    assert tiny.evidence == ("model:PER",)


def test_spans_are_values_without_text():
    assert repr(Span(1, 4, "PER", 0.5)) == "Span(start=1, end=4, label='PER', score=0.5)"
