"""What only the book's pages need: claims, figures and questions."""
