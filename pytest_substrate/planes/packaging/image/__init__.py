"""What an image holds, read from its layers, and where its loader and interpreter look. Pure but for `observe`."""
