"""Front doors: each file alone, each optional dependency imported only there."""
