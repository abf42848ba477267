"""The catalogue: which layers there are, their versions, and the rows of vector layers."""
