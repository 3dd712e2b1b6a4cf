"""From an image and its contract to a diagnosis. Pure."""
