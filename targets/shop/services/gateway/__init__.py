"""Gateway: the only public entry; composes the product page."""
