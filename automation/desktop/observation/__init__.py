"""What can be seen of windows without touching them: where they are, what they show, and pictures of them."""
