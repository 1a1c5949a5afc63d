"""A small shop's messages: three intents that differ by their words, eight examples each."""

from triage.examples import Example

_SAID = {
    "refund": [
        "I want my money back",
        "please refund me",
        "refund for my order",
        "money back please",
        "give me the money back",
        "when is my refund paid",
        "refund not received",
        "where is the refund",
    ],
    "delivery": [
        "where is my parcel",
        "when does the parcel arrive",
        "parcel is late",
        "track my parcel",
        "the parcel never came",
        "delivery is late",
        "has the parcel been sent",
        "delivery time please",
    ],
    "password": [
        "I forgot my password",
        "reset my password",
        "cannot log in",
        "password does not work",
        "log in fails",
        "change the password",
        "locked out, password lost",
        "new password please",
    ],
}

EXAMPLES = [Example(text, label) for label, said in _SAID.items() for text in said]
