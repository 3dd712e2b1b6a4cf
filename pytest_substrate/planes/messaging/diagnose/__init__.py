"""What observations of the messaging plane come to: pure functions, one for each check."""
