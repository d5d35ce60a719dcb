"""The API for programs: models of its answers, and the document that is made of them."""
