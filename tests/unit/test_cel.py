from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import cel
from calls.events import MalformedLine
from tests.unit.recorded import call_id, menu_lines

KEY = (
    '"KEY","1795296064.595520","KEY","{""extra"":""key=1&node=main""}","13900001111","13900001111","12345","public",'
    '"PJSIP/citizen-00000000","CELGenUserEvent","hotline-1795296063.0","hotline-1795296063.0","","",""'
)


def test_an_event_of_ours() -> None:
    event = cel.parse(7, KEY)
    assert event is not None
    assert (event.kind, event.name, dict(event.extra)) == ("USER", "KEY", {"key": "1", "node": "main"})
    assert (event.at, event.call, event.position) == (1795296064.59552, "hotline-1795296063.0", 7)


def test_music_is_no_event_of_ours_and_a_played_prompt_is_none_at_all() -> None:
    music = KEY.replace('"KEY"', '"STREAM_BEGIN"', 1).replace('"KEY"', '"MOH_STREAM_BEGIN"', 1)
    event = cel.parse(0, music)
    assert event is not None
    assert event.kind == "STREAM_BEGIN"
    assert cel.parse(0, music.replace("MOH", "FILE")) is None


def test_percent_encoding_and_quotes_in_values() -> None:
    event = cel.parse(0, KEY.replace("key=1&node=main", 'number=%2B8613900001111&node=a\\""b'))
    assert event is not None
    assert dict(event.extra) == {"number": "+8613900001111", "node": 'a"b'}


def test_who_listens_in_is_told_of_in_the_call_that_is_heard() -> None:
    heard = KEY.replace("key=1&node=main", "call=hotline-1795296001.7&by=3001&mode=whisper").replace("KEY", "LISTENED")
    event = cel.parse(0, heard)
    assert event is not None
    assert (event.call, event.unique) == ("hotline-1795296001.7", "hotline-1795296063.0")
    other = cel.parse(0, KEY.replace("key=1", "call=hotline-1795296001.7"))
    assert other is not None
    assert other.call == "hotline-1795296063.0"
    with pytest.raises(MalformedLine):
        cel.parse(0, heard.replace("call=hotline-1795296001.7", "call=..%2F"))


def test_what_no_database_takes_is_left_out() -> None:
    event = cel.parse(0, KEY.replace("key=1", "key=1%002&half=\\ud800"))
    assert event is not None
    assert dict(event.extra) == {"key": "12", "half": "?", "node": "main"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        '"KEY"',
        KEY + ',"one more"',
        KEY[:-40],
        KEY.replace("1795296064.595520", "yesterday"),
        KEY.replace("1795296064.595520", "1795296064.5e9"),
        KEY.replace("1795296064.595520", "1795296064.²"),
        KEY.replace("1795296064.595520", "179529606²"),
        KEY.replace("hotline-1795296063.0", "../../etc/passwd"),
        KEY.replace("hotline-1795296063.0", ""),
        KEY.replace("{", "["),
        KEY.replace("key=1", "key=" + "1" * 2000),
        KEY.replace("key=1", "&".join(["a=1"] * 50)),
        KEY.replace("public", "pub\0lic"),
    ],
)
def test_malformed_lines_are_refused(line: str) -> None:
    with pytest.raises(MalformedLine):
        cel.parse(0, line)


@given(st.text(max_size=400))
def test_any_text_is_an_event_nothing_or_refused(text: str) -> None:
    for line in (text, KEY.replace("key=1", text)):
        try:
            cel.parse(0, line)
        except MalformedLine:
            continue


def test_what_was_heard_can_be_taken_out() -> None:
    arrived, heard = menu_lines(call_id(0), "我家“停水”两天了, 100%")
    assert cel.without_words(arrived) == arrived
    before, after = cel.parse(3, heard), cel.parse(3, blank := cel.without_words(heard))
    assert before is not None
    assert after is not None
    assert before.extra == {"node": "main", "end": "words", "text": "我家“停水”两天了, 100%"}
    assert after == replace(before, extra={"node": "main", "end": "words"})
    assert cel.without_words(blank) == blank
    with pytest.raises(MalformedLine):
        cel.without_words("HEARD")
