"""omgate's library: measures models, converts them, and judges the numbers their READMEs promise."""

__version__ = "0.1.0"
