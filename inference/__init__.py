"""Models: the sentence encoder, chat models, and fakes that tell the truth."""
