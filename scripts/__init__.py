"""What happens around the program: setting up, checking, measuring. Standard library only, never in the wheel."""
