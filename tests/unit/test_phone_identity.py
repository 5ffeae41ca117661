from __future__ import annotations

import pytest

from phone.identity import asserted_user, from_uri, has_control, header_values, request_method, uri_user

UPDATE = (
    "UPDATE sip:phone@127.0.0.10:4000 SIP/2.0\r\n"
    'From: "x" <sip:12345@127.0.0.1>;tag=1\r\n'
    "{identity}"
    "Content-Length: 0\r\n\r\nP-Asserted-Identity: <sip:body@x>\r\n"
)


@pytest.mark.parametrize(
    ("identity", "user"),
    [
        ('P-Asserted-Identity: "Li <sip:trap@x>" <sip:1001@127.0.0.1>\r\n', "1001"),
        ("p-asserted-identity:<sip:%2B86139@h;user=phone>\r\n", "+86139"),
        ("P-Asserted-Identity:\r\n <tel:110>\r\n", "110"),
        ("Remote-Party-ID: <sip:consultation@127.0.0.1>;party=called\r\n", "consultation"),
        ("Remote-Party-ID: <sip:a@h>\r\nP-Asserted-Identity: <sip:b@h>\r\n", "b"),
        ("P-Asserted-Identity: <sip:127.0.0.1>\r\n", None),
        ("", None),
    ],
)
def test_who_is_asserted(identity: str, user: str | None) -> None:
    assert asserted_user(UPDATE.format(identity=identity)) == user


def test_the_first_line_says_request_or_response() -> None:
    assert request_method(UPDATE) == "UPDATE"
    assert request_method("SIP/2.0 200 OK\r\n\r\n") is None


def test_repeated_headers_all_count() -> None:
    assert header_values("X a SIP/2.0\r\nVia: 1\r\nVIA: 2\r\n\r\n", "via") == ["1", "2"]


@pytest.mark.parametrize("user", ["13900001111", "+8613900001111", "a b;c\"<sip:x@y>'|$(id)\r\nX: y", "中文", "%0d"])
def test_any_caller_fits_into_a_header(user: str) -> None:
    value = from_uri(user, "127.0.0.10")
    assert not has_control(value)
    assert uri_user(value) == user


def test_a_display_name_is_quoted() -> None:
    assert from_uri("1", "h", 'a"\\b') == '"a\\"\\\\b" <sip:1@h>'
