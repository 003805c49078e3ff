"""Mathematics that every target computes with the same bits: special functions, random numbers, small matrices."""
