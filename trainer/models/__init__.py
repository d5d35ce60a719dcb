"""Networks, their backbones and heads, and models that are solved in closed form."""
