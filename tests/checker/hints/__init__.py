"""What is written for `learn.py hint`, and the steps of the chapters."""
