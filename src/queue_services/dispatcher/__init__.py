"""The dispatcher: claims what is due, paces it within the limits, delivers and settles it."""
