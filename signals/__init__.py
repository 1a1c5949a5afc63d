"""What sales, customer success and marketing are told of customers, and what they say became of it."""
