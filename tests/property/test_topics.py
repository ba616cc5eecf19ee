"""Laws of topic names."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.errors import BadMessage

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
streams: st.SearchStrategy[topics.DeviceStream] = st.sampled_from(
    ["features", "results", "indices", "status"]
)


@given(ids, ids, streams)
def test_what_is_built_is_parsed(site: str, device: str, stream: topics.DeviceStream) -> None:
    topic = topics.device_topic(site, device, stream)
    assert topics.parse(topic) == (site, device, stream)


@given(st.text() | st.from_regex(r"cityhum/v1/[^/]*/[^/]*/[a-z]*"))
def test_what_is_parsed_is_built_again(topic: str) -> None:
    try:
        published = topics.parse(topic)
    except BadMessage:
        return
    assert topics.device_topic(*published) == topic


@given(st.text())
def test_every_device_has_a_partition(device: str) -> None:
    assert 0 <= topics.partition(device) < topics.PARTITIONS
