"""Terrain: quantized-mesh tiles, their pyramid, and a second reader that checks them."""
