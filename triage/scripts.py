"""Which letters a language is written in, and which language a script gives away."""

from __future__ import annotations

import re

LATIN = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "no", "fi", "cs", "tr", "ro", "hu", "vi")
CYRILLIC = ("ru", "uk")
# Letters beyond a to z that a language writes; a word with any other is not its own.
ALPHABETS = {
    "en": "", "de": "äöüß", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü", "it": "àèéìíòóùú", "nl": "áéèëïíóöúü",
    "pt": "áàâãçéêíóôõúü", "pl": "ąćęłńóśźż", "sv": "åäöé", "da": "åæøé", "no": "åæøéòôó", "fi": "åäö",
    "cs": "áčďéěíňóřšťúůýž", "tr": "âçğıîöşûü", "ro": "ăâîșțşţ", "hu": "áéíóöőúüű",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}  # fmt: skip
# Scripts that one language writes, of those that customers write in, with how many Latin letters one of its
# letters outweighs. Chinese stands for Han and kana until those are told apart.
_SCRIPTS = {
    "cyrillic": ("\u0400-\u052f", 1), "el": ("\u0370-\u03ff\u1f00-\u1fff", 1), "hy": ("\u0530-\u058f", 1),
    "he": ("\u0590-\u05ff", 1), "ar": ("\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", 1),
    "hi": ("\u0900-\u097f", 1), "bn": ("\u0980-\u09ff", 1), "ta": ("\u0b80-\u0bff", 1),
    "te": ("\u0c00-\u0c7f", 1), "th": ("\u0e00-\u0e7f", 1), "ka": ("\u10a0-\u10ff", 1),
    "ko": ("\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", 2),
    "zh": ("\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff", 3),
}  # fmt: skip
_BY_SCRIPT = {code: (re.compile(f"[{letters}]"), weight) for code, (letters, weight) in _SCRIPTS.items()}
_NOT_LATIN = re.compile(r"[^\x00-\u036f\u1e00-\u20cf\u2100-\u214f]")
_KANA = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff]")
_JAPANESE_HAN = re.compile("[込払戻働円変気実図楽択続読発様帰険検応対転経済価広売単両悪遅駅]")


def script_of(letters: str) -> str:
    """The script that outweighs the others: "latin", "cyrillic", or the language that alone writes it."""
    if not _NOT_LATIN.search(letters):
        return "latin"
    counts = {code: len(pattern.findall(letters)) for code, (pattern, _) in _BY_SCRIPT.items()}
    weights = {code: counts[code] * weight for code, (_, weight) in _BY_SCRIPT.items()}
    weights["latin"] = len(letters) - letters.count(" ") - sum(counts.values())
    return max(weights, key=lambda code: weights[code])


def has_kana(text: str) -> bool:
    """Whether ``text`` has letters that Japanese alone has."""
    return bool(_KANA.search(text))


def has_japanese_han(text: str) -> bool:
    """Whether ``text`` has Han letters in a form that neither Chinese script has."""
    return bool(_JAPANESE_HAN.search(text))
