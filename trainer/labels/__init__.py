"""Label definitions: what a photo's label means, and how it is computed from what the collection holds."""
