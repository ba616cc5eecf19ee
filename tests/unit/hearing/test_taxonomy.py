import re

from hearing import taxonomy


def test_every_label_has_an_origin_and_a_name_that_messages_accept() -> None:
    assert set(taxonomy.ORIGINS.values()) == {"natural", "human", "technogenic"}
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", label) for label in taxonomy.LABELS)


def test_other_and_silence_are_no_labels_and_have_no_origin() -> None:
    for name in (taxonomy.OTHER, taxonomy.SILENCE):
        assert name not in taxonomy.LABELS
        assert taxonomy.origin_of(name) is None


def test_audioset_leaves_lead_to_our_labels_and_parents_to_none() -> None:
    assert set(taxonomy.FROM_AUDIOSET.values()) == set(taxonomy.LABELS)
    for parent in ("Animal", "Vehicle", "Emergency vehicle", "Dog", "Bird"):
        assert parent not in taxonomy.FROM_AUDIOSET
