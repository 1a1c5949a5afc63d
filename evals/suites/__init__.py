"""One file per suite: retrieval, answers, groundedness."""
