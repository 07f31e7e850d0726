"""What every edge does with a request once it has been read, whatever wire it came over."""
