"""The files in which a run is recorded, and how they are read back."""
