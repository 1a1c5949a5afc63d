"""Who is asking: one view of a customer across channels, and what they have consented to."""
