"""NPUs: which there are, whether they are idle and healthy, and how a runtime numbers them."""
