"""What a password must be, and how it is hashed. Pure; :mod:`people.hashing` does the slow part in threads.

Length instead of composition rules, no forced renewal, and Unicode normalised to NFKC first (NIST SP 800-63B, 5.1.1.2):
an input method that writes full-width digits gives the same password.
"""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from people.faults import PeopleFault

MIN_LENGTH = 10
MAX_LENGTH = 128
# RFC 9106, section 4, second recommended option: argon2id, t=3, 4 lanes, 64 MiB, salt 128 bits, tag 256 bits.
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GENERATED = 16
_COMMONEST = frozenset(
    "1234567890 0123456789 0987654321 9876543210 12345678910 123456789a a123456789 1234567891 qwertyuiop asdfghjkl1"
    " 1q2w3e4r5t 1qaz2wsx3edc 1qaz2wsx3e q1w2e3r4t5 qwerty12345 qwerty123456 password123 password12 password1234"
    " passw0rd123 p@ssw0rd123 p@ssword123 admin12345 admin123456 admin123456789 administrator abc1234567 abcd123456"
    " abcdefghij iloveyou123 woaini1314520 woaini5201314 5201314520 1314520520 123456abcd 123456abcdef 123123123123"
    " 1122334455 112233445566 147258369a qazwsxedcrfv aa12345678 a1234567890 zxcvbnm123 hotline12345 12345hotline"
    " 12345rexian welcome123 changeme123".split()
)


def check_password(password: str, name: str) -> None:
    """Raises PeopleFault when ``password`` will not do for the user called ``name``."""
    if len(password) > MAX_LENGTH:
        raise PeopleFault("password_long", f"密码最多{MAX_LENGTH}个字符")
    plain = normalize(password)
    if len(plain) < MIN_LENGTH:
        raise PeopleFault("password_short", f"密码至少{MIN_LENGTH}个字符")
    folded = plain.casefold()
    if name.casefold() in (folded, folded[::-1]) or (len(name) >= 4 and name.casefold() in folded):
        raise PeopleFault("password_name", "密码中不能有自己的用户名")
    if folded in _COMMONEST or len(set(folded)) < 4:
        raise PeopleFault("password_common", "密码过于常见，容易被猜到")


def normalize(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """Takes 64 MiB and about 0.2 s on a busy machine with two cores (measured)."""
    return _HASHER.hash(_bytes(password))


def verify_password(hashed: str, password: str) -> bool:
    """As slow as :func:`hash_password`; False also for a hash that is none and a password that is too long."""
    too_long = len(password) > MAX_LENGTH
    try:
        _HASHER.verify(hashed, b"" if too_long else _bytes(password))
    except (Argon2Error, InvalidHashError):
        return False
    return not too_long


def needs_rehash(hashed: str) -> bool:
    """Whether ``hashed`` was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(hashed)


def generate_password() -> str:
    """79 random bits; no letters that are mistaken for others: somebody reads it out and somebody types it."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_GENERATED))
    return "-".join(letters[i : i + 4] for i in range(0, _GENERATED, 4))


def _bytes(password: str) -> bytes:
    return normalize(password).encode("utf-8", "surrogatepass")
