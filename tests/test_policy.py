"""Policies: the shipped ones are complete, and wrong ones are told what is wrong."""

import pytest
import yaml

from redact.data import data_path
from redact.errors import PolicyError
from redact.findings import MaskStyle
from redact.policy import ENTITY_TYPES, Mask, Padding, Policy, load, names

KEYS = {
    "name": "own",
    "description": "test",
    "entities": {"PERSON": 0.4},
}


def written(folder, **changes):
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({**KEYS, **changes}), encoding="utf-8")
    return file


def test_four_policies_are_shipped():
    assert names() == ("batch", "default", "numbers", "pci")


@pytest.mark.parametrize("name", ["default", "numbers", "pci"])
def test_a_shipped_policy_loads_and_writes_out_every_key(name):
    policy = load(name)
    assert policy.name == name
    data = yaml.safe_load((data_path("pipelines") / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(data) | {"recognizers"} == set(Policy.model_fields)
    assert set(data["mask"]) == set(Mask.model_fields)
    assert set(data["padding"]) == set(Padding.model_fields)
    assert set(policy.entities) <= set(ENTITY_TYPES)
    assert {"recognizers": [], **data} == {**policy.model_dump(mode="json"), "recognizers": data.get("recognizers", [])}
    assert policy.recognizers == ()


def test_what_the_shipped_policies_are_for():
    default, numbers, pci = load("default"), load("numbers"), load("pci")
    off = {"ORGANIZATION", "NRP", "DATE_TIME", "NUMBER"}
    assert set(default.entities) == set(ENTITY_TYPES) - off
    assert default.number_run_digits is None
    assert numbers.number_run_digits == 3
    assert set(default.entities) < set(numbers.entities)
    assert "CREDIT_CARD" in pci.entities
    assert "PERSON" not in pci.entities


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"labelstyle": "type"}, "labelstyle", "'label_style'"),
        ({"indoubt": "mask"}, "indoubt", "'in_doubt'"),
        ({"mask": {"frequenzy_hz": 1000}}, "mask.frequenzy_hz", "'frequency_hz'"),
        ({"padding": {"before": 1}}, "padding.before", "'before_ms'"),
        ({"entities": {"PRESON": 0.4}}, "PRESON", "'PERSON'"),
        ({"entities": {"credit_crad": 0.4}}, "credit_crad", "'CREDIT_CARD'"),
        ({"entities": {"PERSON": 1.5}}, "PERSON", "0 to 1"),
        ({"entities": {"PERSON": -0.1}}, "PERSON", "0 to 1"),
        ({"in_doubt": "maybe"}, "in_doubt", "policy show"),
        ({"label_style": "stars"}, "label_style", "policy show"),
        ({"mask": {"kind": "beep"}}, "mask.kind", "policy show"),
        ({"mask": {"level_dbfs": 3}}, "mask.level_dbfs", "policy show"),
        ({"padding": {"before_ms": -1}}, "padding.before_ms", "policy show"),
        ({"number_run_digits": 0}, "number_run_digits", "policy show"),
    ],
)
def test_a_wrong_policy_names_the_key_and_the_nearest(tmp_path, changes, message, hint):
    with pytest.raises(PolicyError) as caught:
        load(written(tmp_path, **changes))
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.exit_code == 3


def test_an_unknown_policy_names_the_nearest():
    with pytest.raises(PolicyError, match="defualt") as caught:
        load("defualt")
    assert "'default'" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", [b"name: [", b"a: b: c", b"\xff\xfe\x00", b"- a\n- b\n", b"", b"text"])
def test_what_is_no_yaml_mapping_is_refused(tmp_path, content):
    file = tmp_path / "own.yaml"
    file.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load(file)
    assert caught.value.hint


def test_bad_yaml_names_the_line(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("name: own\ndescription: a: b\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"line 2"):
        load(file)


def test_a_missing_file_and_a_missing_key_are_refused(tmp_path):
    with pytest.raises(PolicyError, match="can't read"):
        load(tmp_path / "none.yaml")
    file = tmp_path / "own.yml"
    file.write_text("name: own\ndescription: x\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="entities"):
        load(file)


def test_overrides_are_checked_and_change_the_digest(tmp_path):
    policy = load(written(tmp_path))
    assert policy.digest == load(written(tmp_path)).digest
    changes = (
        {"label_style": "hash"},
        {"in_doubt": "hold"},
        {"number_run_digits": 4},
        {"entities": {"PERSON": 0.5}},
        {"mask": {"kind": "silence"}},
        {"padding": {"after_ms": 201}},
    )
    digests = {policy.digest, *(policy.changed(**change).digest for change in changes)}
    assert len(digests) == len(changes) + 1
    assert policy.changed(label_style="hash").label_style == "hash"
    assert policy.changed(label_style="hash").entities == policy.entities
    with pytest.raises(PolicyError):
        policy.changed(label_style="none")


@pytest.mark.parametrize(
    ("entity", "score", "wanted"),
    [("PERSON", 0.4, True), ("PERSON", 0.39, False), ("PERSON", 1.0, True), ("AGE", 1.0, False)],
)
def test_wants(tmp_path, entity, score, wanted):
    assert load(written(tmp_path)).wants(entity, score) is wanted


def test_the_mask_is_handed_on_as_the_audio_takes_it():
    mask = Mask(kind="noise", frequency_hz=500, level_dbfs=-30.0)
    assert mask.style() == MaskStyle("noise", 500, -30.0)


def own_recognizers(folder, name="own-recognizers.yaml", **changes):
    entry = {"name": "a", "supported_entity": "LOYALTY_CARD", "deny_list": ["b"], **changes}
    (folder / name).write_text(yaml.safe_dump({"recognizers": [entry]}), encoding="utf-8")
    return name


def test_types_of_the_users_recognizers_are_masked_at_any_score(tmp_path):
    policy = load(written(tmp_path, recognizers=own_recognizers(tmp_path)))
    assert policy.recognizers == (str(tmp_path / "own-recognizers.yaml"),)
    assert policy.entities == {"LOYALTY_CARD": 0.0, "PERSON": 0.4}
    assert policy.wants("LOYALTY_CARD", 0.0)
    assert policy.changed(label_style="hash").entities == policy.entities
    assert "LOYALTY_CARD" not in policy.changed(entities={"PERSON": 0.4}).entities


def test_a_policy_sets_the_threshold_of_a_type_of_the_users_own(tmp_path):
    file = own_recognizers(tmp_path)
    policy = load(written(tmp_path, recognizers=file, entities={"LOYALTY_CARD": 0.7}))
    assert policy.entities == {"LOYALTY_CARD": 0.7}
    assert policy.with_recognizers(tmp_path / file).entities == {"LOYALTY_CARD": 0.7}
    with pytest.raises(PolicyError, match="LOYALTY_CARD"):
        load(written(tmp_path, entities={"LOYALTY_CARD": 0.7}))


@pytest.mark.parametrize(
    ("entry", "added"),
    [
        ({"supported_entity": "ORGANIZATION"}, set()),  # a type that policies know stays as the policy has it
        ({"label_mapping": {"PER": "PERSON", "MED": "DRUG"}}, {"DRUG", "LOYALTY_CARD"}),
        ({"entity_mapping": {"pet": "PET"}}, {"PET", "LOYALTY_CARD"}),
    ],
)
def test_which_types_a_file_adds(tmp_path, entry, added):
    policy = load(written(tmp_path)).with_recognizers(tmp_path / own_recognizers(tmp_path, **entry))
    assert set(policy.entities) - {"PERSON"} == added


def test_files_add_up_and_change_the_digest_by_what_they_say(tmp_path):
    policy = load(written(tmp_path))
    one = policy.with_recognizers(tmp_path / own_recognizers(tmp_path))
    two = one.with_recognizers(tmp_path / own_recognizers(tmp_path, "two.yaml", supported_entity="OTHER"))
    assert set(two.entities) == {"PERSON", "LOYALTY_CARD", "OTHER"}
    (tmp_path / "elsewhere").mkdir()
    same = policy.with_recognizers(tmp_path / "elsewhere" / own_recognizers(tmp_path / "elsewhere"))
    other = policy.with_recognizers(tmp_path / own_recognizers(tmp_path, "other.yaml", deny_list=["c"]))
    assert one.digest == same.digest
    assert len({policy.digest, one.digest, two.digest, other.digest}) == 4


@pytest.mark.parametrize("given", ["none.yaml", ["none.yaml"], 3, {"a": "b"}, [1], "own.yaml:"])
def test_recognizers_that_are_no_file_are_refused(tmp_path, given):
    with pytest.raises(PolicyError, match="recognizers") as caught:
        load(written(tmp_path, recognizers=given))
    assert caught.value.hint
