"""What observations of the data plane come to. Pure."""
