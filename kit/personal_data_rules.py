"""What each kind of personal data looks like: patterns, cue words and check digits.

What retrieval needs is left alone: product names, prices, short numbers, error codes, version numbers,
and addresses that every home router has (192.168.1.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kit.check_digits import iban_valid, luhn_valid


class PersonalDataKind(StrEnum):
    """What a span is about; its name in capitals is the placeholder's."""

    SECRET = "secret"  # noqa: S105 (a name) passwords, PINs, one-time codes, tokens
    EMAIL = "email"
    CARD = "card"
    IBAN = "iban"
    NATIONAL_ID = "national_id"  # SSN, National Insurance, passport, driving licence, tax number
    IP = "ip"
    DEVICE = "device"  # MAC address, IMEI
    PHONE = "phone"
    BIRTH_DATE = "birth_date"
    ACCOUNT = "account"  # account, customer, order, invoice, tracking numbers
    ADDRESS = "address"
    NAME = "name"
    USERNAME = "username"


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern whose group ``value`` is personal data where ``accept`` agrees.

    ``needs`` is a cheap test of the lower-cased text: most messages hold no digit and no @, and skip
    most patterns (a 30-word message: under 0.1 ms).
    """

    kind: PersonalDataKind
    pattern: re.Pattern[str]
    needs: Callable[[str], object]
    accept: Callable[[str], bool] = lambda _value: True


def _card(value: str) -> bool:
    digits = sum(character.isdigit() for character in value)
    return 13 <= digits <= 19 and luhn_valid(value)


def _public_ip(value: str) -> bool:
    """Private, loopback and well-known resolver addresses are everybody's, and questions are about them."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return not (address.is_private or address.is_loopback or address.is_link_local or value in _RESOLVERS)


_RESOLVERS = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"}
)


def _social_security_number(value: str) -> bool:
    area, group, serial = re.split(r"[- ]", value)
    return area not in {"000", "666"} and not area.startswith("9") and group != "00" and serial != "0000"


def _phone(value: str) -> bool:
    digits = re.sub(r"(?i)(?:ext|x).*|\D", "", value)
    return 8 <= len(digits) <= 15 and not _NO_PHONE.search(value)


# Dates, and four groups with dots between them.
_NO_PHONE = re.compile(
    r"^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$|(?<![0-9])(?:(?:19|20)[0-9]{2}([-./ ])[0-9]{1,2}\1[0-9]{1,2}|"
    r"[0-9]{1,2}([-./ ])[0-9]{1,2}\2(?:19|20)[0-9]{2})(?![0-9])"
)


def _identifier(value: str) -> bool:
    digits = sum(character.isdigit() for character in value)
    return digits >= 4 or (digits >= 2 and len(value) >= 6)


def _secret(value: str) -> bool:
    """A word that tells about a password ("is wrong") is not the password."""
    if any(not character.isalpha() for character in value.rstrip(".,!?;")):
        return len(value) >= 3
    word = value.lower()
    return (
        len(word) >= 5
        and word not in _ABOUT_SECRETS
        and not word.endswith(("ed", "ing", "ly", "able", "ible"))
    )


_ABOUT = """
wrong right correct incorrect valid invalid different unknown known secure insecure weak strong short
still always never again being shown there where which needed required missing broken unsafe stuck gone
lost about after before because empty blank hidden visible something anything nothing everything under
written secret private public default printed optional mandatory useless going supposed between longer
shorter enough stolen forgotten hacked leaked fine working good great stored saved reset compromised
accepted rejected case really simple easy hard difficult complicated exactly probably unsure another
other their these those taken sensitive temporary permanent with within without ready available usually
maybe actually
"""
_ABOUT_SECRETS = frozenset(_ABOUT.split())

_DIGIT = re.compile(r"[0-9]").search
_LONG_NUMBER = re.compile(r"(?:[0-9][ ().+/-]{0,2}){7}").search


def _has(*words: str) -> Callable[[str], object]:
    return re.compile("|".join(map(re.escape, words))).search


_IS = (
    r"(?:\s*(?:number|no\.?|nr\.?|code|id|ref(?:erence)?|#))*\s*(?:is|was|are|=|:|->|"
    r"#)?\s*[:#]?\s*[\"'`“(]?"
)
_DATE = (
    r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}"
    r"|[0-9]{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?[A-Za-zéûä]{3,9}\.?,?\s+[0-9]{2,4}"
    r"|[A-Za-z]{3,9}\.?\s+[0-9]{1,2}(?:st|nd|rd|th)?,?\s+[0-9]{2,4}"
)
_K = PersonalDataKind

# Surer kinds first: whoever takes a place keeps it.
RULES = (
    Rule(
        _K.SECRET,
        re.compile(
            r"(?i)\b(?:pass\s?word|passwort|mot de passe|contraseña|passcode|passphrase|pwd|"
            r"(?:memorable|security)\s(?:word|answer)|api[ _-]?key|access[ _-]?token|secret[ _-]?key)"
            r"(?:\s(?:is|was|ist|est|es)\s*:?|\sto\s(?=\S*[0-9])|\s?[=:]|"
            r"\s?->)\s*[\"'`“]?(?P<value>[^\s\"'`”]{2,63}[^\s\"'`”.,?;:)])"
        ),
        _has("pass", "pwd", "mot de", "contra", "memorable", "security", "key", "token"),
        _secret,
    ),
    Rule(
        _K.SECRET,
        re.compile(
            r"(?i)\b(?:pin|puk|cvv2?|cvc2?|otp|(?:security|verification|one[ -]time|access|unlock|sms|"
            r"auth\w*)\s?(?:pass)?code)"
            rf"{_IS}(?P<value>[0-9][0-9 -]{{1,8}}[0-9])(?![0-9.]*[0-9%])"
        ),
        _has("pin", "puk", "cv", "otp", "code"),
    ),
    Rule(
        _K.SECRET,
        re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,15}://(?P<value>[^\s/@:]{1,64}:[^\s/@]{1,64})@"),
        _has("://"),
    ),
    Rule(
        _K.SECRET,
        re.compile(
            r"(?i)[?&](?:token|key|api_?key|password|pwd|sig|signature|session|sid|auth|code|access_token)="
            r"(?P<value>[^\s&#]{4,512})"
        ),
        _has("="),
    ),
    Rule(
        _K.EMAIL,
        re.compile(r"(?<![\w.+%-])(?P<value>[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,6}[^\W\d_]{2,24})(?![\w@])"),
        _has("@"),
    ),
    Rule(
        _K.IBAN,
        re.compile(
            r"(?<!\w)(?P<value>[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?|"
            r"[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30})(?!\w)"
        ),
        _LONG_NUMBER,
        iban_valid,
    ),
    Rule(_K.CARD, re.compile(r"(?<![\w.])(?P<value>[0-9](?:[ -]?[0-9]){12,18})(?!\w)"), _LONG_NUMBER, _card),
    Rule(
        _K.NATIONAL_ID,
        re.compile(r"(?<![\w-])(?P<value>[0-9]{3}[- ][0-9]{2}[- ][0-9]{4})(?![\w-])"),
        _LONG_NUMBER,
        _social_security_number,
    ),
    Rule(
        _K.NATIONAL_ID,
        re.compile(
            r"(?i)(?<!\w)(?P<value>[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s?[0-9]{2}\s?[0-9]{2}\s?[0-9]{2}\s?[A-D])(?!\w)"
        ),
        _DIGIT,
    ),
    Rule(
        _K.NATIONAL_ID,
        re.compile(
            r"(?i)\b(?:passport|driv\w+[’']?s?\s+licen[cs]e|licen[cs]e|national\s(?:id|insurance)|"
            r"social\ssecurity|ssn|tax\s(?:id|file)|"
            rf"id\scard|ausweis|nie|dni|"
            rf"nhs){_IS}(?P<value>(?=[A-Z0-9 -]{{0,12}}[0-9]{{2}})[A-Z0-9][A-Z0-9-]{{4,16}}[A-Z0-9])(?!\w)"
        ),
        _DIGIT,
        _identifier,
    ),
    Rule(
        _K.IP,
        re.compile(r"(?<![\w.:])(?P<value>(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?![\w:]|\.[0-9])"),
        _has("."),
        _public_ip,
    ),
    Rule(
        _K.DEVICE,
        re.compile(r"(?i)(?<![\w:-])(?P<value>(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})(?![\w:-])"),
        _has(":", "-"),
    ),
    Rule(
        _K.IP,
        re.compile(r"(?i)(?<![\w:.])(?P<value>(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4})(?![\w:])"),
        _has(":"),
        _public_ip,
    ),
    Rule(
        _K.BIRTH_DATE,
        re.compile(
            r"(?i)\b(?:born|birth\s?day|date\sof\sbirth|birth\s?date|d\.?o\.?b\.?|geboren|née?|"
            r"geburtsdatum)"
            rf"(?:\s*(?:is|was|on|in|am|le|el|:))*\s*(?P<value>{_DATE}|(?:19|20)[0-9]{{2}})(?!\w)"
        ),
        _DIGIT,
    ),
    Rule(
        _K.ACCOUNT,
        re.compile(
            r"(?i)\b(?:account|acct|a/c|customer|client|order|invoice|contract|policy|member(?:ship)?|"
            r"booking|case|ticket|tracking|"
            r"parcel|serial|imei|iccid|sim|meter|reservation|confirmation|transaction|payment|reference|"
            r"ref|kunden|"
            r"sort\scode|kundennummer|rechnungsnummer|bestellnummer)"
            rf"{_IS}(?P<value>(?=[A-Z0-9/_-]{{0,24}}[0-9]{{2}})[A-Z0-9](?:[A-Z0-9/_-]{{2,28}})[A-Z0-9])(?![\w%]|[.,][0-9])"
        ),
        _DIGIT,
        _identifier,
    ),
    Rule(
        _K.PHONE,
        re.compile(
            r"(?<![\w.,:/$£€-])(?P<value>(?:(?:\+|"
            r"00)[0-9]{1,3}[ .-]?)?(?:\(0?[0-9]{1,5}\)[ .-]?)?[0-9](?:[ ./-]{0,2}[0-9]){6,13}"
            r"(?:\s?(?:ext\.?|x)\s?[0-9]{1,6})?)(?![\w%]|[.,][0-9])"
        ),
        _LONG_NUMBER,
        _phone,
    ),
    Rule(
        _K.PHONE,
        re.compile(
            r"(?i)\b(?:phone|tel|telephone|mobile|cell|fax|landline|(?:call|text|ring|reach|"
            r"contact)(?:\s(?:me|us))?\s(?:on|at)|my\snumber|registered)"
            r"(?:\s(?:number|no\.?|nr\.?))?(?:\s(?:is|was|at|on))?\s?[:=]?\s{0,3}"
            r"(?P<value>\+?\(?[0-9][0-9 ().-]{5,18}[0-9](?:\s?(?:ext\.?|x)\s?[0-9]{1,6})?)(?![\w%]|"
            r"[.,][0-9])"
        ),
        _LONG_NUMBER,
    ),
    # Any other run of seven digits or more: nothing that a knowledge base is asked about.
    Rule(_K.ACCOUNT, re.compile(r"(?<![\w.,$£€])(?P<value>[0-9]{7,32})(?![\w%]|[.,][0-9])"), _LONG_NUMBER),
    Rule(
        _K.USERNAME,
        re.compile(
            r"(?i)\b(?:user\s?name|login|user\s?id|handle)\s?(?:is|:|=)\s*[\"'`“]?(?P<value>[\w.-]{3,40})"
        ),
        _has("user", "login", "handle"),
        _identifier,
    ),
)
