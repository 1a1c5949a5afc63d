"""Words that know no domain: clock, ids, errors, text, privacy, logging."""
