"""One process per compared system; each answers the same few commands, see ``protocol``."""
