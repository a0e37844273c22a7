"""`{words}` in the data."""

import re

_WORD = re.compile(r"\{([a-z][a-z0-9_.]*)\}")


def filled(value, words):
    """`{word}` replaced in all texts, keys included; what is no word stays as it is."""
    if isinstance(value, str):
        return _WORD.sub(lambda match: str(words.get(match[1], match[0])), value)
    if isinstance(value, (list, tuple)):
        return [filled(each, words) for each in value]
    if isinstance(value, dict):
        return {filled(key, words): filled(each, words) for key, each in value.items()}
    return value
